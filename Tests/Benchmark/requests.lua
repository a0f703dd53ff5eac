-- Each request carries the next token of the file; all of them are used before one comes again.
local requests = {}
local sent = 0

function init(arguments)
  local fields = {}
  for line in io.lines(arguments[1]) do fields[#fields + 1] = line end
  local head = "GET /item HTTP/1.1\r\nHost: app.example.com\r\n" .. table.concat(fields, "\r\n") .. "\r\nAuthorization: Bearer "
  for token in io.lines(arguments[2]) do requests[#requests + 1] = head .. token .. "\r\n\r\n" end
end

function request()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
