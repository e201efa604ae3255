"""Pages of the list of jobs: which jobs are on a page, and the answer with them.

The routes import from here.
"""
