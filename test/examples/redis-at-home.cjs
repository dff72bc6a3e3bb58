// Loaded before an example that connects to Redis where it is at home, localhost:6379: takes it to the test's own server.

const { Socket } = require("node:net")

const HOME_PORT = 6379
const connect = Socket.prototype.connect

Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args
  if (options?.port === HOME_PORT) options.port = Number(process.env.TEST_REDIS_PORT)
  return connect.apply(this, args)
}
