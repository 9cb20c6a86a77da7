"use strict";
(() => {
  const app = JSON.parse(document.getElementById("app").textContent);
  const $ = (id) => document.getElementById(id);
  const tls = location.protocol === "https:";
  const host = location.hostname;
  const port = Number(location.port || (tls ? 443 : 80));
  const quoted = (text) => JSON.stringify(text);

  // The check: a socket of its own, without a library.

  const state = (id, good, text) => {
    $(id).dataset.state = good === null ? "" : good ? "good" : "bad";
    $(id).textContent = text;
  };
  const milliseconds = (since) => `${Math.max(1, Math.round(performance.now() - since))} ms`;
  let sentAt = null; // when the button sent an event that has not come back

  function heard(message) {
    const line = document.createElement("li");
    line.dataset.state = "good";
    line.textContent = `${new Date().toLocaleTimeString()} ${message.event} ${message.data}`;
    $("heard").prepend(line);
    while ($("heard").children.length > 50) $("heard").lastChild.remove();
    state("arrived", true, sentAt === null ? "An event has come." : `The event came back after ${milliseconds(sentAt)}.`);
    sentAt = null;
  }

  function connect() {
    const begun = performance.now();
    let problem = "";
    const socket = new WebSocket(`${tls ? "wss" : "ws"}://${location.host}${app.prefix}/app/${encodeURIComponent(app.key)}?protocol=7&client=start-page&version=1&flash=false`);
    const say = (event, data) => socket.send(JSON.stringify({ event, data }));
    socket.onmessage = ({ data: text }) => {
      const message = JSON.parse(text);
      switch (message.event) {
        case "pusher:connection_established":
          state("connected", true, `Connected after ${milliseconds(begun)}, as socket ${JSON.parse(message.data).socket_id}.`);
          say("pusher:subscribe", { channel: "my-channel" });
          return;
        case "pusher_internal:subscription_succeeded":
          state("subscribed", true, "Subscribed to my-channel.");
          $("send").disabled = !app.test;
          return;
        case "pusher:ping":
          say("pusher:pong", {});
          return;
        case "pusher:error":
          problem = message.data.message;
          return;
      }
      if (message.channel === "my-channel" && !message.event.startsWith("pusher")) heard(message);
    };
    socket.onclose = ({ code, reason }) => {
      $("send").disabled = true;
      state("subscribed", null, "Not subscribed.");
      const final = code >= 4000 && code < 4100;
      state("connected", false, `Not connected: ${problem || reason || "no answer"} (code ${code}).${final ? "" : " Trying again …"}`);
      if (!final) setTimeout(connect, 2000);
    };
  }

  $("send").onclick = async () => {
    sentAt = performance.now();
    try {
      const answer = await fetch(app.test.path, { method: "POST", headers: { "Content-Type": "application/json" }, body: app.test.body });
      if (answer.ok) return;
      const hint = answer.status === 401 ? " Load the page again: its signature is good for ten minutes." : "";
      throw new Error(`${answer.status} ${await answer.text()}${hint}`);
    } catch (error) {
      sentAt = null;
      state("arrived", false, `The event was not sent: ${error.message}`);
    }
  };
  if (!app.test) {
    $("send").remove();
    state("arrived", null, "No event has come yet: send one from a shell, with the line below.");
  }

  // The lines to copy.

  const options = [`cluster: "", forceTLS: ${tls}`, `wsHost: ${quoted(host)}, wsPort: ${port}, wssPort: ${port}`];
  if (app.prefix) options.push(`wsPath: ${quoted(app.prefix)}`);
  if (app.fallback) {
    options.push(`httpHost: ${quoted(host)}, httpPort: ${port}, httpsPort: ${port}`);
    if (app.prefix + app.fallback !== "/pusher") options.push(`httpPath: ${quoted(app.prefix + app.fallback)}`);
  } else {
    options.push('enabledTransports: ["ws", "wss"]');
  }
  const inPage = options.map((line) => `  ${line},\n`).join("");
  const secret = (placeholder) => (app.secret ? quoted(app.secret) : placeholder);
  const shell = (text) => (/^[A-Za-z0-9_./:=@,+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

  const snippets = {
    "A page, with pusher-js 8": `import Pusher from "pusher-js";

const pusher = new Pusher(${quoted(app.key)}, {
${inPage}});
pusher.subscribe("my-channel").bind("my-event", (data) => console.log(data));`,
    "A shell": `fanfare trigger --url ${shell(location.origin + app.prefix)} \\
  --app-id ${shell(app.id)} --app-key ${shell(app.key)} --app-secret ${app.secret ? shell(app.secret) : '"$FANFARE_APP_SECRET"'} \\
  --channel my-channel --event my-event --data '{"message":"hello"}'`,
    "A back end, in Node with the package pusher": `const Pusher = require("pusher");

const pusher = new Pusher({
  appId: ${quoted(app.id)}, key: ${quoted(app.key)}, secret: ${secret("process.env.FANFARE_APP_SECRET")},
  host: ${quoted(host)}, port: ${quoted(String(port))}, useTLS: ${tls},
});
pusher.trigger("my-channel", "my-event", { message: "hello" });`,
    "Laravel, in .env": `BROADCAST_CONNECTION=reverb
REVERB_APP_ID=${app.id}
REVERB_APP_KEY=${app.key}
REVERB_APP_SECRET=${app.secret || ""}
REVERB_HOST=${host}
REVERB_PORT=${port}
REVERB_SCHEME=${tls ? "https" : "http"}

VITE_REVERB_APP_KEY="\${REVERB_APP_KEY}"
VITE_REVERB_HOST="\${REVERB_HOST}"
VITE_REVERB_PORT="\${REVERB_PORT}"
VITE_REVERB_SCHEME="\${REVERB_SCHEME}"`,
  };

  // Outside of https and localhost there is no clipboard but that of a selection.
  async function copy(code) {
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      getSelection().selectAllChildren(code);
      document.execCommand("copy");
    }
  }

  for (const [title, text] of Object.entries(snippets)) {
    const head = document.createElement("h2");
    const button = document.createElement("button");
    const block = document.createElement("pre");
    const code = document.createElement("code");
    code.textContent = text;
    block.append(code);
    button.type = "button";
    button.textContent = "Copy";
    button.onclick = async () => {
      await copy(code);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    };
    head.append(title, button);
    $("snippets").append(head, block);
  }
  $("app-id").textContent = app.id;
  $("app-key").textContent = app.key;
  document.querySelectorAll("section").forEach((section) => { section.hidden = false; });
  connect();
})();
