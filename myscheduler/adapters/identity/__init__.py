"""Proves to targets who calls: fetches tokens and keeps them, reads those of the cluster, signs for AWS."""
