"""What has to be there before a deployment's services start: bucket, tables, and the chart's key."""

from collections.abc import Collection

import fsspec

from mllib.deployment import STORAGE, Deployment
from mllib.errors import NotReady
from mllib.pipeline.workspace import open_workspace
from mllib.store import ApiKey


def make_storage(deployment: Deployment) -> None:
    """Makes the bucket or folder of `CANDLELOOP_STORAGE_URL` where it is missing; nothing without one.

    Raises:
        NotReady: the object storage does not answer, refuses, or its package is not installed.
    """
    if deployment.storage is None:
        return
    try:
        files, path = fsspec.url_to_fs(deployment.storage)
        files.makedirs(path, exist_ok=True)
    except ImportError as exc:
        raise NotReady(
            f"{STORAGE}: found no package for this kind of address, expected one. "
            "Run `pip install 'candleloop[servers]'`."
        ) from exc
    except Exception as exc:
        raise NotReady(
            f"{STORAGE}: found {type(exc).__name__} when making what it names, expected an answer. "
            "Check the server and the AWS_* variables, then try again."
        ) from exc


def prepare_servers(token: str, *, name: str, scopes: Collection[str]) -> ApiKey:
    """Makes all that is missing; the key whose token `token` is. A second time changes nothing.

    Raises:
        InvalidConfig: a variable, the configuration or the token cannot be used.
        NotReady: a server does not answer.
        Conflict: the token's key was revoked, or its id is another's.
    """
    deployment = Deployment.from_environment()
    make_storage(deployment)
    with open_workspace(deployment=deployment) as ws:
        return ws.store.api_keys.adopt(token, name=name, scopes=scopes)
