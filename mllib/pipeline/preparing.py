"""What has to be there before a deployment's services start: bucket, tables, and the chart's key."""

from collections.abc import Collection

from mllib.deployment import Deployment
from mllib.pipeline.workspace import open_workspace
from mllib.store import ApiKey


def prepare_servers(token: str | None, *, name: str, scopes: Collection[str]) -> ApiKey | None:
    """Makes all that is missing; the key whose token `token` is, if any. A second time changes nothing.

    Raises:
        InvalidConfig: a variable, the configuration or the token cannot be used.
        NotReady: a server does not answer.
        Conflict: the token's key was revoked, or its id is another's.
    """
    deployment = Deployment.from_environment()
    with open_workspace(deployment=deployment) as ws:
        if ws.storage is not None:
            ws.storage.make()
        return None if token is None else ws.store.api_keys.adopt(token, name=name, scopes=scopes)
