"""The files of a source before they are interpreted: snapshots, YAML with locations, ConfigMaps, ignored files.

May be imported by `manifest` and the layers above, and by the source adapter; imports only `findings`.
"""
