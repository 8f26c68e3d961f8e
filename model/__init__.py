"""The network, and all that it takes to train, judge and run it."""

from model.telemetry import refuse_telemetry

refuse_telemetry()
