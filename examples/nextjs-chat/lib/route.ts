// What all API routes do the same way.
import type { NextApiHandler, NextApiRequest, NextApiResponse } from 'next';
import { readSession } from './session';
import type { Identity } from '@fanfare/room/types.js';

/** An answer other than 200, thrown; its sentence is shown to people. */
export class Refusal extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

/** A route for one method. What it returns is the JSON answer; what it throws becomes {"error"}. */
export function route(method: 'GET' | 'POST', answer: (req: NextApiRequest, res: NextApiResponse) => unknown): NextApiHandler {
  return async (req, res) => {
    res.setHeader('Cache-Control', 'no-store');
    if (req.method !== method) {
      res.setHeader('Allow', method);
      return res.status(405).json({ error: `Use ${method}.` });
    }
    try {
      res.status(200).json(await answer(req, res));
    } catch (err) {
      if (err instanceof Refusal) return res.status(err.status).json({ error: err.message });
      console.error(`${method} ${req.url}:`, err instanceof Error ? err.message : err);
      res.status(503).json({ error: 'The chat server cannot be reached.' });
    }
  };
}

export function loggedIn(req: NextApiRequest): Identity {
  const who = readSession(req);
  if (!who) throw new Refusal(401, 'Please log in.');
  return who;
}

/** The fields of a JSON or form body; none for anything else. */
export const fields = (req: NextApiRequest): Record<string, unknown> =>
  typeof req.body === 'object' && req.body !== null ? req.body : {};
