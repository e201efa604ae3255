"""What is done with answers before they are sent: conditions of requests (ETags), and compression.

The routes import from here.
"""
