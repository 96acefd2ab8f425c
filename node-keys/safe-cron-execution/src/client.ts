/**
 * HTTP to a Reprise daemon, over its Unix socket or TCP; nothing but Node itself.
 *
 * Where it is, in this order: what the call says, $REPRISE_URL (with the token in the file that $REPRISE_TOKEN_FILE names, or
 * $REPRISE_TOKEN), $REPRISE_SOCKET, and the places where `reprise serve` puts its socket.
 */
import { existsSync, readFileSync } from 'node:fs';
import { request as http, type RequestOptions } from 'node:http';
import { request as https } from 'node:https';
import { join } from 'node:path';

export interface Connection {
  /** http(s)://host:port, instead of a socket. */
  url?: string;
  token?: string;
  /** Path of the Unix socket. */
  socket?: string;
  /** A single request may take so long; default 30 s. */
  timeoutMs?: number;
}

/** What the daemon refused or could not do (RFC 9457). */
export class RepriseProblem extends Error {
  override readonly name = 'RepriseProblem';
  constructor(
    readonly status: number,
    /** `refused`, `lock-held`, `not-found`, … as docs/errors.md lists them. */
    readonly code: string,
    readonly problem: Record<string, unknown>,
  ) {
    const hint = typeof problem['hint'] === 'string' ? ` (${problem['hint']})` : '';
    super(`${String(problem['detail'] ?? problem['title'] ?? `status ${status}`)}${hint}`);
  }
}

function usualSocket(): string {
  const { XDG_RUNTIME_DIR, XDG_STATE_HOME, HOME } = process.env;
  const places = [
    '/run/reprise/reprise.sock',
    XDG_RUNTIME_DIR && join(XDG_RUNTIME_DIR, 'reprise.sock'),
    XDG_STATE_HOME && join(XDG_STATE_HOME, 'reprise', 'reprise.sock'),
    HOME && join(HOME, '.local', 'state', 'reprise', 'reprise.sock'),
  ].filter((place): place is string => Boolean(place));
  return places.find((place) => existsSync(place)) ?? places[0]!;
}

function tokenOf(c: Connection): string | undefined {
  const file = process.env['REPRISE_TOKEN_FILE'];
  return c.token ?? (file ? readFileSync(file, 'utf8').trim() : process.env['REPRISE_TOKEN']);
}

function optionsOf(c: Connection, method: string, path: string): { send: typeof http; options: RequestOptions } {
  const url = c.url ?? (c.socket ? undefined : process.env['REPRISE_URL']);
  if (url === undefined)
    return { send: http, options: { socketPath: c.socket ?? process.env['REPRISE_SOCKET'] ?? usualSocket(), method, path } };
  const at = new URL(path, url);
  const token = tokenOf(c);
  return {
    send: at.protocol === 'https:' ? https : http,
    options: {
      host: at.hostname, port: at.port, method, path: at.pathname + at.search,
      headers: token ? { authorization: `Bearer ${token}` } : {},
    },
  };
}

function problemOf(status: number, text: string): RepriseProblem {
  let problem: Record<string, unknown> = {};
  try {
    problem = JSON.parse(text) as Record<string, unknown>;
  } catch {
    problem = { detail: text.slice(0, 200) || `status ${status}` };
  }
  return new RepriseProblem(status, String(problem['type'] ?? '').replace('urn:reprise:problem:', ''), problem);
}

/** One request; the answer's JSON. Throws RepriseProblem for an answer that is none, and Node's error when nobody answers. */
export function call<T>(c: Connection, method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
  const { send, options } = optionsOf(c, method, path);
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise<T>((resolve, reject) => {
    const headers = { ...options.headers, ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }) };
    const req = send({ ...options, headers, timeout: c.timeoutMs ?? 30_000 }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        const whole = Buffer.concat(parts).toString('utf8');
        const status = answer.statusCode ?? 0;
        if (status < 200 || status > 299) return reject(problemOf(status, whole));
        try {
          resolve(JSON.parse(whole) as T);
        } catch (error) {
          reject(error);
        }
      });
    });
    req.on('timeout', () => req.destroy(new Error(`the daemon did not answer ${method} ${path} in time`)));
    req.on('error', reject);
    req.end(text);
  });
}
