{{- /* What all pods have in common: (dict "root" $ "part" values "component" name) */ -}}
{{- define "touchline.podHead" -}}
serviceAccountName: {{ include "touchline.serviceAccount" .root }}
automountServiceAccountToken: {{ .root.Values.serviceAccount.automountToken }}
# A service called touchline would set TOUCHLINE_PORT to tcp://...
enableServiceLinks: false
securityContext:
  {{- include "touchline.podSecurity" .root | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .part.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
terminationGracePeriodSeconds: {{ .part.terminationGracePeriodSeconds }}
topologySpreadConstraints:
  {{- include "touchline.spread" (dict "root" .root "component" .component) | trim | nindent 2 }}
{{- end -}}

{{- /* Where a pod may run; a GPU's taint and those of spot nodes are tolerated. */ -}}
{{- define "touchline.placement" -}}
{{- $part := .part -}}
{{- $spot := dig "spot" "enabled" false $part -}}
{{- $gpu := dig "gpu" "enabled" false $part -}}
{{- $selector := deepCopy $part.nodeSelector -}}
{{- $tolerations := $part.tolerations -}}
{{- if $spot -}}
{{- $selector = merge $selector $part.spot.nodeSelector -}}
{{- $tolerations = concat $tolerations $part.spot.tolerations -}}
{{- end -}}
{{- if $gpu -}}
{{- $tolerations = append $tolerations (dict "key" $part.gpu.resource "operator" "Exists" "effect" "NoSchedule") -}}
{{- end -}}
{{- with $selector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "touchline.podMetadata" -}}
labels:
  {{- include "touchline.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .root.Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "touchline.resources" -}}
{{- $resources := deepCopy .resources -}}
{{- if dig "gpu" "enabled" false . -}}
{{- $_ := set $resources "limits" (merge (dict .gpu.resource .gpu.count) ($resources.limits | default dict)) -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}
