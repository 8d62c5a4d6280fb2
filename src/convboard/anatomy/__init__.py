"""The structure of a network, without training: its layer table, layer outputs, receptive fields, and its fit to data.

Nothing is exported here, so that an import loads only the module that it names.
"""
