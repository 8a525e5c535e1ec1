/** The shapes in which the recorded kernel tools tell of a session: its health, its metadata, its errors. */
import type { z } from 'zod';
import type { SessionInfo } from '../../src/types/client.js';
import type { ExecutionError } from '../../src/types/events.js';
import { machineHealthSchema, sessionHealthSchema } from '../../src/types/health.js';

export const healthSchema = sessionHealthSchema.extend({ system: machineHealthSchema });

const seconds = (ms: number | null) => (ms === null ? null : ms / 1000);
const megabytes = (bytes: number | null) => (bytes === null ? null : bytes / 1024 ** 2);

/** What a terminal shows of it: an exit has no traceback. */
export const reportOf = ({ name, message, traceback }: ExecutionError) =>
  traceback || (message === '' ? name : `${name}: ${message}`);

export const metadataOf = ({ description, createdAt }: SessionInfo) =>
  description === '' ? {} : { description, created_at: Date.parse(createdAt) / 1000 };

export function healthAnswer(told: z.output<typeof healthSchema>, info: SessionInfo) {
  const { memory, system, cpu_percent, threads: num_threads, uptime_s: uptime, started_at } = told;
  return {
    status: told.status,
    session_id: told.session_id,
    pid: told.pid,
    memory_usage: memory.pss_bytes,
    cpu_percent,
    num_threads,
    uptime,
    execution_count: told.executions,
    last_execution_time: seconds(told.last_execution_ms),
    average_execution_time: seconds(told.average_execution_ms),
    kernel_process: {
      memory_mb: megabytes(memory.pss_bytes),
      cpu_percent,
      num_threads,
      create_time: started_at === null ? null : Date.parse(started_at) / 1000,
    },
    metadata: metadataOf(info),
    system: {
      system_memory_mb: megabytes(system.memory_available_bytes),
      system_cpu_percent: system.cpu_percent,
      disk_free_gb: (system.disk_free_bytes ?? 0) / 1024 ** 3,
    },
    ...(told.error === null ? {} : { error: told.error }),
  };
}

export const sessionEntry = (info: SessionInfo, health: Record<string, unknown>) => ({
  active: info.status !== 'hibernated',
  execution_count: info.totalExecutions,
  uptime: health.uptime,
  description: info.description,
  created_at: info.createdAt,
  last_activity: info.lastActivity,
  metadata: metadataOf(info),
  health,
});
