/**
 * How a session is: what its process takes of the machine, and whether it answers. Asked while code runs as well as
 * while it does not, so that nothing here comes from the session itself.
 */
import { z } from 'zod';

export const healthStatusSchema = z.enum(['healthy', 'busy', 'restoring', 'dead', 'hibernated', 'failed']);
/**
 * `dead`: the live state ended, not because anybody put it to sleep, and is not back yet, whether it is being rebuilt
 * already or will be with the next use. `failed`: the session was set aside, see the `error` of its metadata.
 */
export type HealthStatus = z.infer<typeof healthStatusSchema>;

const bytes = z.number().int().nonnegative().nullable();
const percent = z.number().nonnegative().nullable();

export const processHealthSchema = z.object({
  pid: z.number().int().positive().nullable(),
  memory: z.object({
    pss_bytes: bytes.describe('Its own memory, and its share of what it shares with other sessions.'),
    private_bytes: bytes.describe('What would be free without it.'),
  }),
  cpu_percent: percent.describe(
    'Of one processor, since an earlier look at least a second ago, or the start.',
  ),
  threads: z.number().int().positive().nullable(),
  started_at: z.string().nullable(),
  uptime_s: z.number().nonnegative().nullable(),
});
/** The process behind a live state; null is what this system does not tell, or what has no process. */
export type ProcessHealth = z.infer<typeof processHealthSchema>;

export const sessionHealthSchema = z
  .object({ session_id: z.string(), status: healthStatusSchema, error: z.string().nullable() })
  .extend(processHealthSchema.shape)
  .extend({
    executions: z.number().int().nonnegative(),
    queue_length: z
      .number()
      .int()
      .nonnegative()
      .describe('Writes that wait; the running one is not counted.'),
    last_execution_ms: z.number().nullable(),
    average_execution_ms: z
      .number()
      .nullable()
      .describe('Of the executions since the session was last woken.'),
    epoch: z.number().int(),
    warm_checkpoints: z
      .number()
      .int()
      .nonnegative()
      .describe('States that are kept as they were, so that recovery can wake one.'),
    restarts: z.number().int().describe('How often the live state was rebuilt, for whatever reason.'),
  });
export type SessionHealth = z.infer<typeof sessionHealthSchema>;

export const machineHealthSchema = z.object({
  memory_available_bytes: bytes,
  cpu_percent: percent.describe('Of all processors together.'),
  disk_free_bytes: bytes.describe('Where sessions are stored.'),
});
export type MachineHealth = z.infer<typeof machineHealthSchema>;

export const responsivenessSchema = z.object({
  responsive: z.boolean(),
  response_time_s: z
    .number()
    .nullable()
    .describe('How long the answer took, or was waited for; null: there was nobody to ask.'),
  timeout_s: z.number(),
  status: healthStatusSchema.describe('Look here before restarting what is not responsive: it may sleep.'),
});
export type Responsiveness = z.infer<typeof responsivenessSchema>;

/** What a live session can be asked about itself without being woken or used. */
export interface Vitals {
  /** How it is now; asks the machine, not the session. */
  health(): Promise<SessionHealth>;
  /** Whether it answers in time, in line with what it was asked before. */
  checkResponsiveness(timeoutMs: number): Promise<Omit<Responsiveness, 'timeout_s'>>;
}
