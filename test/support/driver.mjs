// A program in another language that runs an SDK: commands go to it as lines
// of JSON, answers and whatever the SDK calls back come from it the same way.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export class Driver {
  calls = []; // what the SDK called back, in order
  uncaught = []; // exceptions that would end an app
  #waiting = new Map(); // answer number → promise
  #commands = 0;

  constructor(command, args = [], env = {}) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.log = '';
    this.child.stderr.on('data', (d) => (this.log += d));
    this.exited = once(this.child, 'exit').then(([code, signal]) => this.#fail(`the driver ended with ${code ?? signal}:\n${this.log}`));
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#take(line));
  }

  #take(line) {
    const message = JSON.parse(line);
    const waiting = this.#waiting.get(message.answer);
    this.#waiting.delete(message.answer);
    if (message.uncaught) this.uncaught.push(message.uncaught);
    else if (!('answer' in message)) this.calls.push(message);
    else if (!waiting) this.#fail(`an answer to nothing: ${line}`);
    else if (message.error) waiting.reject(new Error(message.error));
    else waiting.resolve(message.value);
  }

  #fail(why) {
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }

  /** Runs a command; rejects with what the SDK threw or returned as its error. */
  run(command, params = {}) {
    if (this.child.stdin.writableEnded) return Promise.reject(new Error(`${command} after the end of the driver`));
    const id = ++this.#commands;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.child.stdin.write(`${JSON.stringify({ id, do: command, ...params })}\n`);
    return answer;
  }

  /** Closes the driver's input, which ends it. */
  async end() {
    this.child.stdin.end();
    await this.exited;
    assert.equal(this.child.exitCode, 0, this.log);
  }
}
