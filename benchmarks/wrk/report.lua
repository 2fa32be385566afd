-- What every script shares: answers are counted as right or wrong, and the figures printed as JSON.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

right, wrong, example = 0, 0, ""

function judge(fits, status, body)
  if fits then
    right = right + 1
    return
  end
  wrong = wrong + 1
  if example == "" then
    example = status .. " " .. string.gsub(string.sub(body or "", 1, 300), "[%c\"\\]", " ")
  end
end

-- Milliseconds that a connection waits before a request, on average; 0 is saturation.
function pause(milliseconds)
  if milliseconds > 0 then
    function delay()
      return math.random() * 2 * milliseconds
    end
  end
end

function done(summary, latency, requests)
  local good, bad, first = 0, 0, ""
  for _, thread in ipairs(threads) do
    good = good + thread:get("right")
    bad = bad + thread:get("wrong")
    if first == "" then first = thread:get("example") end
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"right": %d, "wrong": %d, "example": "%s", "seconds": %.3f, "p50": %.3f, "p99": %.3f, ' ..
    '"failed": %d}\n',
    good, bad, first, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.timeout))
end
