-- SPDX-License-Identifier: MIT
-- wrk tells its figures as the peers do: name<tab>value<tab>unit.

local function line(name, value, unit)
	io.write(string.format("%s\t%.9g\t%s\n", name, value, unit))
end

function done(summary, latency, requests)
	local e = summary.errors
	line("done", summary.requests, "")
	line("seconds", summary.duration / 1e6, "s")
	line("errors", e.connect + e.read + e.write + e.status + e.timeout, "")
	line("p50", latency:percentile(50), "us")
	line("p99", latency:percentile(99), "us")
	line("p999", latency:percentile(99.9), "us")
end
