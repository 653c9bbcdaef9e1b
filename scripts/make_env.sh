#!/bin/sh
# Writes .env for docker-compose.yml with random secrets, for this user alone. One that is there is left as it is.
set -eu
cd "$(dirname "$0")/.."

random() { # so many bytes, as hexadecimal digits
    head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

if [ -e .env ]; then
    echo "Writing .env failed, $PWD/.env: found it there, expected none. Move it away and run this again." >&2
    exit 1
fi
umask 077
cat >.env.partial <<END
POSTGRES_PASSWORD=$(random 32)
REDIS_PASSWORD=$(random 32)
OBJECTS_ACCESS_KEY=$(random 10)
OBJECTS_SECRET_KEY=$(random 32)
MLFLOW_PASSWORD=$(random 16)
MLFLOW_SECRET_KEY=$(random 32)
INFERENCE_API_KEY=cl_$(random 6)_$(random 32)
END
mv .env.partial .env
echo "Wrote .env with random secrets. Keep it: the database knows only these. .env.example tells what else may be set."
