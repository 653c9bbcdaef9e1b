-- MLflow keeps its own tables, and its own mark of their version, so it has a database of its own.
CREATE DATABASE mlflow;
