"""Incidents: when a job is in trouble, since when, and whom it concerns. Decides; sends and stores nothing."""
