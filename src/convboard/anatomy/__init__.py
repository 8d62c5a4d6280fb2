"""A network looked at, never trained: what its layers give, its table, and whether it fits the data."""

from convboard.anatomy.activations import LayerActivation, layer_activations
from convboard.anatomy.check import check_fit, diagnose
from convboard.anatomy.diagnostics.diagnosis import Diagnosis
from convboard.anatomy.layer_row import LayerRow
from convboard.anatomy.outputs import layer_outputs
from convboard.anatomy.receptive_field.bounding_boxes import Box
from convboard.anatomy.summary import Anatomy, layer_table, look, network_record, receptive_field
from convboard.anatomy.table import format_table

__all__ = [
    "Anatomy",
    "Box",
    "Diagnosis",
    "LayerActivation",
    "LayerRow",
    "check_fit",
    "diagnose",
    "format_table",
    "layer_activations",
    "layer_outputs",
    "layer_table",
    "look",
    "network_record",
    "receptive_field",
]
