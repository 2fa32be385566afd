-- The same request, each time with the next DPoP proof of a file. Arguments: pause, method, path,
-- body, the text that a right answer holds, the file, then headers as "Name: value".
dofile("report.lua")

local proofs, headers = nil, {}

function init(arguments)
  pause(tonumber(arguments[1]))
  method, path, body, expected = arguments[2], arguments[3], arguments[4], arguments[5]
  proofs = io.lines(arguments[6])
  for at = 7, #arguments do
    local name, value = string.match(arguments[at], "^([^:]+): (.*)$")
    headers[name] = value
  end
  if body == "" then body = nil end
end

function request()
  headers["DPoP"] = proofs()
  return wrk.format(method, path, headers, body)
end

function response(status, headers, body)
  judge(status == 200 and string.find(body, expected, 1, true) ~= nil, status, body)
end
