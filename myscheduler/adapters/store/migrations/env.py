"""Alembic's entry point. It uses the connection that `upgrade` passes in the configuration."""

from alembic import context

from myscheduler.adapters.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
