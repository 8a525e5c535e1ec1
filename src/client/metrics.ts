/** Reports of the monitor with names in camelCase; operations and error codes keep theirs, which are values here. */
import type { Camelized, MetricsInfo, ServerMetricsInfo, SessionMetricsInfo } from '../types/client.js';
import type { CallsReport, ServerReport, SessionReport } from '../types/monitor.js';
import { camelize } from './casing.js';

export const sessionMetrics = (report: SessionReport): SessionMetricsInfo => mapped(report);

export const serverMetrics = (report: ServerReport): ServerMetricsInfo => ({
  ...mapped(report),
  kinds: report.kinds.map(camelize),
  transports: report.transports.map(camelize),
  caches: report.caches.map(camelize),
});

function mapped<R extends CallsReport>(report: R): Omit<Camelized<R>, keyof MetricsInfo> & MetricsInfo {
  const { latency, operations, series } = report;
  return {
    ...camelize(report),
    latency: camelize(latency),
    operations: operations.map(camelize),
    errors: report.errors,
    ...(series === undefined ? {} : { series: series.map(camelize) }),
  };
}
