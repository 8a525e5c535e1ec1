/** What can be asked about sessions and the server: reports, and the text that Prometheus reads. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { byteAnswerSchema } from '../../types/files.js';
import type { ByteAnswer } from '../../types/files.js';
import { serverReportSchema, sessionReportSchema } from '../../types/monitor.js';
import type { ISessionManager } from '../../types/managers.js';
import { defineServerOperation, defineSessionOperation } from '../../types/operation.js';
import type { Operation } from '../../types/operation.js';
import type { IClock } from '../../types/ports.js';
import { expose } from './exposition.js';
import type { Exposition } from './exposition.js';
import { processUsage } from './process-usage.js';
import { ownReport, serverReport, sessionReport } from './reports.js';
import type { ReportSources } from './reports.js';
import type { Sampler } from './sampler.js';

export interface MetricsServices extends ReportSources {
  readonly sessions: ISessionManager;
  readonly sampler: Sampler;
  readonly clock: IClock;
}

const params = z.strictObject({
  series: z.boolean().default(false).describe('With the last hour, a point a minute.'),
});

export const metricsOperations = (services: MetricsServices): Operation[] => [
  sessionMetrics(services),
  serverMetrics(services),
  prometheusMetrics(services),
];

function sessionMetrics({ sessions, pool, sampler, monitor, clock }: MetricsServices): Operation {
  return defineSessionOperation({
    name: 'get_metrics',
    access: 'read',
    summary: 'Counts, latencies, errors, memory and traffic of a session since the server started.',
    params,
    result: sessionReportSchema,
    http: [{ method: 'GET', path: '/sessions/:id/metrics' }],
    handle: async ({ series }, { session_id, principal }) => {
      const metadata = await sessions.getMetadata(session_id, principal);
      const live = pool.peek(session_id);
      if (live) sampler.look(live);
      const tally = monitor.find(session_id);
      if (tally) tally.storedBytes = metadata.stored_bytes;
      return sessionReport(metadata, live !== undefined, tally, series ? clock.now() : null);
    },
  });
}

function serverMetrics(services: MetricsServices): Operation {
  return defineServerOperation({
    name: 'get_server_metrics',
    access: 'read',
    summary: "The same of all sessions together; without admin access, of the caller's own.",
    params,
    result: serverReportSchema,
    http: [{ method: 'GET', path: '/metrics' }],
    handle: ({ series }, { principal }) => {
      services.sampler.lookAtAll();
      const now = series ? services.clock.now() : null;
      const isAdmin = principal.access === 'admin';
      return Promise.resolve(isAdmin ? serverReport(services, now) : ownReport(services, principal.id, now));
    },
  });
}

function prometheusMetrics(services: MetricsServices): Operation {
  return defineServerOperation({
    name: 'get_prometheus_metrics',
    access: 'admin',
    summary: 'The same of the whole server as text for Prometheus.',
    stream: 'answer',
    params: z.strictObject({}),
    result: byteAnswerSchema,
    http: [{ method: 'GET', path: '/metrics', root: true }],
    handle: async (_params, { principal }) => {
      const { monitor, sessions, clock } = services;
      await lookAtAll(services);
      const all = await sessions.listSessions({ limit: 1, includeInactive: true }, principal);
      const exposition = await expose({
        report: serverReport(services, null),
        calls: monitor.server,
        storedSessions: all.total_sessions,
        process: processUsage(),
      });
      return bytesOf(exposition, new Date(clock.now()));
    },
  });
}

async function lookAtAll({ sampler }: MetricsServices): Promise<void> {
  sampler.lookAtAll();
  await sampler.readStored();
}

function bytesOf({ text, contentType }: Exposition, at: Date): ByteAnswer {
  const all = new TextEncoder().encode(text);
  return {
    name: 'metrics.txt',
    size: all.length,
    content_type: contentType,
    modified_at: at.toISOString(),
    tag: createHash('sha256').update(all).digest('hex').slice(0, 32),
    bytes: (start, end) => Readable.from([all.subarray(start, end)]),
    dispose: () => undefined,
  };
}
