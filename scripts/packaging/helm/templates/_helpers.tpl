{{/* The parts that origins and edges share. Each takes {root, kind: "origin" or "edge"}. */}}
{{- define "srs.name" -}}
{{ .root.Release.Name }}-{{ .kind }}
{{- end }}

{{- define "srs.selector" -}}
app.kubernetes.io/name: srs
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .kind }}
{{- end }}

{{- define "srs.labels" -}}
{{ include "srs.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: srs
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "srs.config" -}}
{{- $group := index .root.Values .kind -}}
listen              1935;
max_connections     10000;
daemon              off;
srs_log_tank        console;
http_api {
    enabled         on;
    listen          1985;
}
exporter {
    enabled         on;
    listen          {{ .root.Values.metrics.port }};
}
{{- if eq .kind "edge" }}
http_server {
    enabled         on;
    listen          8080;
    dir             ./html;
}
{{- end }}
{{- with $group.config }}
{{ . }}
{{- end }}
vhost __defaultVhost__ {
    cluster {
{{- if eq .kind "origin" }}
        mode            local;
        origin_cluster  on;
        # Everybody who runs, one that drains included: its streams are still there.
        coworkers       _api._tcp.{{ include "srs.name" . }}-peers;
{{- else }}
        mode            remote;
        origin          _rtmp._tcp.{{ .root.Release.Name }}-origin;
{{- end }}
{{- if .root.Values.clusterSecret }}
        secret_file     /etc/srs-secret/secret;
{{- end }}
    }
{{- if eq .kind "edge" }}
    http_remux {
        enabled         on;
        mount           [vhost]/[app]/[stream].flv;
    }
{{- end }}
{{- with $group.vhostConfig }}
{{ . | indent 4 }}
{{- end }}
}
{{- end }}

{{- define "srs.pod" -}}
{{- $group := index .root.Values .kind -}}
metadata:
  labels:
    {{- include "srs.labels" . | nindent 4 }}
  annotations:
    checksum/config: {{ include "srs.config" . | sha256sum }}
spec:
  terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $group.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $group.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile: {type: RuntimeDefault}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "srs.selector" . | nindent 10 }}
  containers:
    - name: srs
      image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: ["-c", "/etc/srs/srs.conf"]
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: POD_NAMESPACE
          valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
        - {name: SRS_SERVER_ID, value: $(POD_NAME)}
        {{- if eq .kind "origin" }}
        - {name: SRS_ADVERTISE, value: "$(POD_NAME).{{ include "srs.name" . }}-peers.$(POD_NAMESPACE).svc:1935"}
        {{- end }}
        {{- with $group.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - {name: rtmp, containerPort: 1935}
        {{- if eq .kind "edge" }}
        - {name: http, containerPort: 8080}
        {{- end }}
        - {name: api, containerPort: 1985}
        - {name: metrics, containerPort: {{ .root.Values.metrics.port }}}
        {{- range $group.extraPorts }}
        - {name: {{ .name }}, containerPort: {{ .port }}, protocol: {{ .protocol | default "TCP" }}}
        {{- end }}
      startupProbe:
        httpGet: {path: /healthz, port: api}
        periodSeconds: 1
        failureThreshold: 30
      readinessProbe:
        httpGet: {path: /readyz, port: api}
        periodSeconds: 2
        timeoutSeconds: 3
      livenessProbe:
        httpGet: {path: /healthz, port: api}
        periodSeconds: 10
        timeoutSeconds: 5
      lifecycle:
        preStop:
          # QUIT drains and ends by itself at zero; preStop lasts as long as the process does.
          exec: {command: ["/bin/bash", "-c", "kill -QUIT 1; while kill -0 1; do sleep 1; done"]}
      resources:
        {{- toYaml $group.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: conf, mountPath: /etc/srs}
        - {name: data, mountPath: /var/lib/srs}
        {{- if .root.Values.clusterSecret }}
        - {name: secret, mountPath: /etc/srs-secret, readOnly: true}
        {{- end }}
  volumes:
    - name: conf
      configMap: {name: {{ include "srs.name" . }}}
    - name: data
      emptyDir: {}
    {{- if .root.Values.clusterSecret }}
    - name: secret
      secret: {secretName: {{ .root.Values.clusterSecret }}}
    {{- end }}
{{- end }}

{{/* What both have beside their pods. */}}
{{- define "srs.common" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "srs.name" . }}
  labels:
    {{- include "srs.labels" . | nindent 4 }}
data:
  srs.conf: |
    {{- include "srs.config" . | nindent 4 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "srs.name" . }}
  labels:
    {{- include "srs.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "srs.selector" . | nindent 6 }}
{{- if .root.Values.metrics.podMonitor }}
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ include "srs.name" . }}
  labels:
    {{- include "srs.labels" . | nindent 4 }}
spec:
  selector:
    matchLabels:
      {{- include "srs.selector" . | nindent 6 }}
  podMetricsEndpoints:
    - port: metrics
{{- end }}
{{- end }}
