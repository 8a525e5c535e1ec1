/** How a session of any kind is. Neither operation wakes a session, waits for one or counts as a use of it. */
import { z } from 'zod';
import { healthAsleep } from '../core/session-vitals.js';
import { machineHealthSchema, responsivenessSchema, sessionHealthSchema } from '../types/health.js';
import type { ISessionManager } from '../types/managers.js';
import { defineSessionOperation } from '../types/operation.js';
import type { Operation } from '../types/operation.js';
import type { ISessionPool } from '../types/session.js';
import type { MachineGauge } from './machine-gauge.js';

export function healthOperations(
  sessions: ISessionManager,
  pool: ISessionPool,
  machine: MachineGauge,
): Operation[] {
  return [healthOperation(sessions, pool, machine), responsivenessOperation(sessions, pool)];
}

function healthOperation(sessions: ISessionManager, pool: ISessionPool, machine: MachineGauge): Operation {
  return defineSessionOperation({
    name: 'health',
    access: 'read',
    summary: 'Status, memory, processor time and counters of a session; also while code runs.',
    params: z.strictObject({}),
    result: sessionHealthSchema.extend({ system: machineHealthSchema }),
    handle: async (_params, call) => {
      const { session_id, principal } = call;
      const metadata = await sessions.getMetadata(session_id, principal);
      const live = pool.peek(session_id)?.vitals;
      const [health, system] = await Promise.all([live?.health() ?? healthAsleep(metadata), machine.look()]);
      return { ...health, system };
    },
  });
}

function responsivenessOperation(sessions: ISessionManager, pool: ISessionPool): Operation {
  return defineSessionOperation({
    name: 'check_responsiveness',
    access: 'read',
    summary: 'Whether a session answers within a time; one that sleeps is not woken and does not.',
    params: z.strictObject({ timeout_s: z.number().min(0).max(300).default(5) }),
    result: responsivenessSchema,
    handle: async ({ timeout_s }, call) => {
      const { session_id, principal } = call;
      const metadata = await sessions.getMetadata(session_id, principal);
      const live = pool.peek(session_id)?.vitals;
      if (live) return { ...(await live.checkResponsiveness(timeout_s * 1000)), timeout_s };
      const { status } = healthAsleep(metadata);
      return { responsive: false, response_time_s: null, timeout_s, status };
    },
  });
}
