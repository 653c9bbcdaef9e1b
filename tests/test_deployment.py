import pytest

from mllib.deployment import DATABASE, QUEUE, STORAGE, Deployment
from mllib.errors import InvalidConfig


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (DATABASE, QUEUE, STORAGE):
        monkeypatch.delenv(variable, raising=False)


def test_without_variables_everything_is_in_the_home() -> None:
    assert Deployment.from_environment() == Deployment(None, None, None)


def test_each_variable_gives_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE, "postgresql://app:secret@db/candleloop")
    monkeypatch.setenv(QUEUE, "redis://queue:6379/0")
    monkeypatch.setenv(STORAGE, "s3://bucket/candleloop/")

    assert Deployment.from_environment() == Deployment(
        "postgresql://app:secret@db/candleloop", "redis://queue:6379/0", "s3://bucket/candleloop"
    )


@pytest.mark.parametrize(
    ("variable", "text"),
    [(DATABASE, "mysql://app:secret@db/x"), (QUEUE, "secret"), (STORAGE, "s3://"), (DATABASE, "app:secret")],
)
def test_another_kind_of_address_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)

    with pytest.raises(InvalidConfig, match=rf"^{variable}: found .*, expected .*\. Set it so") as refused:
        Deployment.from_environment()

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["s3://key:s3cret@bucket/team", "s3://key:s3cret@bucket"])
def test_a_secret_in_the_address_of_the_storage_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(STORAGE, url)
    with pytest.raises(InvalidConfig, match=r"found a name and a secret before @.*AWS_SECRET") as refused:
        Deployment.from_environment()
    assert "s3cret" not in str(refused.value)


def test_a_container_of_an_account_is_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORAGE, "abfs://container@account.dfs.core.windows.net/team")
    assert Deployment.from_environment().storage == "abfs://container@account.dfs.core.windows.net/team"


def test_a_deployment_that_is_printed_tells_no_password() -> None:
    assert "s3cret" not in repr(Deployment(queue="redis://:s3cret@queue:6379/0"))
