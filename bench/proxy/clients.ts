// Clients that keep a proxy busy over plain sockets: 64 connections, one request at a time on each, many tokens and channels.
// Reads how many requests to send from standard input, a number a line, and says when they are answered.
// `bun bench/proxy/clients.ts PORT`

const CONNECTIONS = 64
const TOKENS = 2_500
const CHANNELS = 5_000
const FIRST_CHANNEL = 175_928_847_299_117_000n

const port = Number(process.argv[2])
const requests = Array.from({ length: CHANNELS }, (_, index) =>
  Buffer.from(
    [
      `GET /api/v10/channels/${FIRST_CHANNEL + BigInt(index)}/messages?limit=50 HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      `Authorization: Bot MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7k${index % TOKENS}`,
      "User-Agent: DiscordBot (https://example.com, 1.0)",
      "Accept: */*",
      "Accept-Encoding: gzip, deflate, br",
      "Connection: keep-alive",
      "\r\n",
    ].join("\r\n"),
  ),
)

let left = 0
let answered = 0
let wanted = 0
let onDone = () => {}
const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, connect))

for await (const line of console) {
  wanted = Number(line)
  left = wanted
  answered = 0
  const done = new Promise<void>((resolve) => {
    onDone = resolve
  })
  for (const socket of sockets) next(socket)
  await done
  console.log(JSON.stringify({ answered }))
}
// Whoever asked is gone.
process.exit(0)

function connect(): Promise<Bun.Socket<{ text: string }>> {
  return Bun.connect<{ text: string }>({
    hostname: "127.0.0.1",
    port,
    data: { text: "" },
    socket: {
      data(socket, data) {
        socket.data.text += data.toString("latin1")
        if (!isWhole(socket.data.text)) return
        if (!socket.data.text.startsWith("HTTP/1.1 200")) throw new Error(socket.data.text)
        socket.data.text = ""
        answered += 1
        if (answered === wanted) onDone()
        else next(socket)
      },
      close() {
        if (answered < wanted) throw new Error("The proxy has closed a connection.")
      },
    },
  })
}

function next(socket: Bun.Socket<{ text: string }>): void {
  const request = requests[left % CHANNELS]
  if (left === 0 || request === undefined) return
  left -= 1
  socket.write(request)
}

/** Answers here are short, and have a length or one chunk. */
function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n")
  if (end === -1) return false
  const [, length] = /content-length: (\d+)/i.exec(text) ?? []
  return length === undefined ? text.endsWith("\r\n0\r\n\r\n") : text.length >= end + 4 + Number(length)
}
