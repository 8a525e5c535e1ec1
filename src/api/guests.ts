/** The requests of those whose access may end: what they still receive then ends with it. */
import type { Response } from 'express';

export class Guests {
  private readonly open = new Map<string, Set<Response>>();

  add(principal: string, response: Response): void {
    if (response.closed) return;
    const responses = this.open.get(principal) ?? new Set();
    responses.add(response);
    this.open.set(principal, responses);
    response.once('close', () => {
      responses.delete(response);
      if (responses.size === 0 && this.open.get(principal) === responses) this.open.delete(principal);
    });
  }

  /** Writes that were accepted go on; nobody is told what comes of them. */
  end(principal: string): void {
    for (const response of [...(this.open.get(principal) ?? [])]) response.destroy();
  }
}
