"""Alembic's environment: it runs on the connection, and in the transaction, that the store hands it."""

from alembic import context

from mllib.store.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
