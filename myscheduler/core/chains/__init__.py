"""Chains: jobs that run after others. Which edges there are, and which of them an end of a job fires."""
