{{- /* How many workers of a kind are wanted: (dict "kind" "gpu" "queueAge" 60).
One for each job that runs, so that nobody's work is cut short; and of those that wait
one, and one more for each queueAge that the oldest of them has waited, up to one a job.
Whoever ends the last segment of a job can join them: until then it waits for nobody. */ -}}
{{- define "touchline.wantedWorkers" -}}
{{- $offers := index (include "touchline.kinds" . | fromYaml) .kind -}}
{{- $kinds := list -}}
{{- range $offers }}{{- $kinds = append $kinds (printf "'%s'" (regexReplaceAll "/[0-9]+$" . "")) -}}{{- end -}}
select (count(*) filter (where is_run)
 + least(count(*) filter (where not is_run),
 greatest(sign(count(*) filter (where not is_run)),
 ceil(coalesce(extract(epoch from now() - min(created_at) filter (where not is_run)), 0)
 / {{ .queueAge }})))) :: bigint
 from (select created_at, status = 'running' and lease_expires_at >= now() as is_run
 from jobs as job where status in ('queued', 'running') and not cancel_requested
 and kind in ({{ join ", " $kinds }})
 and needs <@ '{ {{- join "," $offers -}} }'
 and not (status = 'queued' and exists (select from jobs as part
 where part.parent_id = job.id and part.kind = 'spot_segment'
 and part.status in ('queued', 'running')))) jobs
{{- end -}}
