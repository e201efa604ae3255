"""These tests need large packages of their own (requirements-deploy.txt); without them they are not collected."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("helm_python") else ["test_*.py"]
