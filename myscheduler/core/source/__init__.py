"""The files of a source before they mean anything: a snapshot, YAML with places, ConfigMaps, what is ignored.

Import from `manifest` and above, and from the source adapter. It knows `findings` alone.
"""
