{{- /* The kinds of jobs of each queue, and the version of each that is offered.
Written by `make chart` from app/jobs/kinds.py. */ -}}
{{- define "touchline.kinds" -}}
background: [download/1, import/1, batch/1]
media: [thumbnails/1, join/1, probe/1, proxy/1, clips/1, report/1]
gpu: [spot/1, spot_segment/1, compare/1]
train: [train/1]
live: [live/1]
{{- end -}}
