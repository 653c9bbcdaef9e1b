"""`candleloop keys`: the token is printed once, and never again anything of it."""

import json
import os
import sys


def test_a_token_is_printed_once_and_nothing_of_it_later(candleloop):
    done = candleloop("keys", "create", "--name", "chart", "--scope", "read", "--scope", "annotate")
    token = done.stdout.strip()
    assert token.startswith("cl_")
    assert "it cannot be shown again" in done.stderr
    assert token not in done.stderr
    listed = candleloop("keys", "list", "--json")
    (key,) = json.loads(listed.stdout)
    assert key.keys() == {"id", "name", "scopes", "created_at", "revoked_at"}
    assert (key["name"], key["scopes"], key["revoked_at"]) == ("chart", ["read", "annotate"], None)
    shown = candleloop("keys", "list").stdout
    assert key["id"] in shown
    assert token.split("_", 2)[2] not in shown + listed.stdout


def test_scripts_get_the_token_as_json(candleloop):
    made = json.loads(candleloop("keys", "create", "--name", "a", "--scope", "train", "--json").stdout)
    assert made["token"].startswith(f"cl_{made['id']}_")


def test_a_key_is_revoked(candleloop):
    made = json.loads(candleloop("keys", "create", "--name", "a", "--scope", "read", "--json").stdout)
    done = candleloop("keys", "revoke", made["id"])
    assert (done.returncode, done.stderr) == (0, f"Key {made['id']} of a is revoked.\n")
    (key,) = json.loads(candleloop("keys", "list", "--json").stdout)
    assert key["revoked_at"] >= key["created_at"]
    assert json.loads(candleloop("keys", "revoke", made["id"], "--json").stdout) == key


def test_what_is_wrong_with_a_key_is_said(candleloop):
    assert "found none as scope" in candleloop("keys", "create", "--name", "a").stderr
    assert "found 'x' as scope" in candleloop("keys", "create", "--name", "a", "--scope", "x").stderr
    assert "No API key nothing" in candleloop("keys", "revoke", "nothing").stderr


def test_another_address_is_bound_only_with_a_valid_key(candleloop, monkeypatch):
    become = []

    def exec_(path, arguments):
        become.append(arguments)
        sys.exit(0)

    monkeypatch.setattr(os, "execv", exec_)
    refused = candleloop("api", "--host", "0.0.0.0")
    assert "Create it with `candleloop keys create --name chart --scope read`" in refused.stderr
    made = json.loads(candleloop("keys", "create", "--name", "a", "--scope", "read", "--json").stdout)
    assert candleloop("api", "--host", "0.0.0.0").returncode == 0
    assert become[0][1:5] == ["-m", "api.server", "--host", "0.0.0.0"]
    candleloop("keys", "revoke", made["id"])
    assert candleloop("api", "--host", "0.0.0.0").returncode == 1
    assert len(become) == 1
