"""Alembic's scripts; `mllib.store.migrating` runs them."""
