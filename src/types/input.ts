/** What running code asks for, and the answer to it. */
import { z } from 'zod';

export const inputRequestSchema = z.object({
  /** The journal place of the request. */
  input_id: z.number().int(),
  /** The journal place of the input that waits. */
  seq: z.number().int(),
  prompt: z.string(),
  password: z.boolean(),
});
export type InputRequest = z.infer<typeof inputRequestSchema>;

export interface InputCall {
  /** Only if this request is the one that waits. */
  readonly input_id?: number;
  /** A second reply with the same key gets the first one's receipt. */
  readonly idempotency_key?: string;
}
export const inputReceiptSchema = z.object({
  input_id: z.number().int(),
  /** The journal place of the reply. */
  seq: z.number().int(),
});
export type InputReceipt = z.infer<typeof inputReceiptSchema>;
