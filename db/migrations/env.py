"""Alembic's entry: runs the migrations on the connection that `engine.open_database` gives."""

from alembic import context

from shiftscope.db.tables import Table

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Table.metadata, render_as_batch=True)
context.run_migrations()
