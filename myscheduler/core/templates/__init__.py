"""Templates in the texts of a job: `{{ … }}` with times, ids and variables, rendered for each call.

May be imported by `calls` and the layers above; imports `job` and the layers below.
"""
