using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Sluice.Harness.Faults;
using Sluice.Resp.Client;
using Sluice.Resp.Tests.Client;

namespace Sluice.Resp.Tests.Recorded;

/// <summary>What <see cref="RecordedClient"/> found.</summary>
/// <param name="Wrong">Values of another command: must be none.</param>
/// <param name="Corrupted">Values that are no command's: only where bytes were changed on the way and nothing was encrypted, and one a changed byte at most.</param>
/// <param name="Misjudged">Failures and successes that the server's record contradicts, transactions that ran in part: must be none.</param>
/// <param name="Finding">The last thing that must not be; empty when there was none.</param>
internal sealed record RecordedClientResult(
    long Commands, long Right, long Wrong, long Corrupted, long NotSent, long Unknown, long UnknownAndRan, long Cancelled, long Late, long Misjudged, long Pops, long Transactions,
    long Messages, long Gaps, int Connections, int Faults, int Flips, string Finding);

/// <summary>
/// The whole client through networks that break in every way: one that cuts, resets, stalls, trickles and delays; one under TLS that changes bytes besides; and one that changes bytes of replies
/// that nothing protects. The server keeps a record of what it ran, and afterwards every caller's knowledge is held against it.
/// </summary>
internal sealed class RecordedClient(TlsRedisServer server, ulong seed)
{
    private const int Callers = 96;
    private const int Connections = 2;

    // A connection ends, in one way or another, after so many bytes in one direction at most.
    private const long LongestLife = 1_000_000;

    // A stall lasts until the silence is noticed, so there are fewer of them.
    private const int StallOneIn = 25;

    /// <summary>Sends so many commands.</summary>
    /// <param name="run">Begins the names of the run's keys.</param>
    public async Task<RecordedClientResult> RunAsync(int commands, string run, Action<string>? progress, CancellationToken cancellationToken)
    {
        IPEndPoint plainPort = server.Server.EndPoint, tlsPort = new(IPAddress.Loopback, server.Port);
        SeededFaults cutting = new(seed, 20, LongestLife) { Trickling = 0.02, Delaying = 0.1 };
        SeededFaults encrypted = new(seed + 1, 20, LongestLife) { Trickling = 0.02, Delaying = 0.1, Flipping = 0.3 };
        SeededFaults flipping = new(seed + 2, 20, LongestLife) { Delaying = 0.1, Flipping = 0.7 };
        int flips = 0;
        await using FaultProxy plain = new(plainPort, connection => Stalled(cutting.For(connection), connection));
        await using FaultProxy tls = new(tlsPort, connection => Stalled(encrypted.For(connection), connection));
        await using FaultProxy damaging = new(plainPort, connection =>
        {
            ConnectionFaults its = flipping.For(connection);
            if (its.ToClient.FlipAt is not null)
                Interlocked.Increment(ref flips);
            return its;
        });
        CommandRecord record = new(commands);
        ConcurrentBag<int> pops = [];
        ConcurrentBag<(int First, int Count)> transactions = [];
        await using RespClient direct = await RespClient.ConnectAsync(new RespClientOptions { Endpoint = LossUnderLoad.At(server.Server), CommandTimeout = Timeout.InfiniteTimeSpan }, cancellationToken);
        RespClient[] clients =
        [
            RespClient.Create(Through(plain, tls: null)),
            RespClient.Create(Through(tls, server.Authority.Trusted)),
            RespClient.Create(Through(damaging, tls: null) with { Connections = 1 }),
        ];
        RecordedMessages[] messages = [.. clients.Take(2).Select((client, index) => new RecordedMessages(client, direct, string.Create(CultureInfo.InvariantCulture, $"{run}:channel{index}")))];
        Task[] listening = [.. messages.Select(one => Task.Run(() => one.RunAsync(cancellationToken), cancellationToken))];
        Task[] callers = [.. Enumerable.Range(0, Callers).Select(caller => Task.Run(() => CallerOf(caller).WorkAsync(cancellationToken), cancellationToken))];
        Task all = Task.WhenAll(callers);
        while (await Task.WhenAny(all, Task.Delay(TimeSpan.FromSeconds(2), cancellationToken)) != all)
        {
            progress?.Invoke(string.Create(CultureInfo.InvariantCulture, $"{record.Right:N0} right of {commands:N0}, {plain.Connections + tls.Connections + damaging.Connections} connections, {record.Wrong} wrong {record.Finding}"));
            // A server that lost its scripts: the second form of the command goes out.
            await direct.Command("SCRIPT FLUSH").ExecuteAsync(cancellationToken: cancellationToken);
        }

        await all;
        Array.ForEach(messages, static one => one.End());
        await Task.WhenAll(listening);
        foreach (RespClient client in clients)
        {
            await client.DisposeAsync();
            await RequireFreeSlotsAsync(client);
        }

        RecordedClientResult result = new(
            commands, record.Right, record.Wrong, record.Corrupted, 0, 0, 0, record.Cancelled, record.Late, 0, pops.Count, transactions.Count, messages.Sum(one => one.Received), messages.Sum(one => one.Gaps),
            plain.Connections + tls.Connections + damaging.Connections, plain.FaultsDone + tls.FaultsDone + damaging.FaultsDone, flips,
            record.Corrupted > flips ? $"{record.Corrupted} damaged values, but only {flips} changed bytes." : messages.Select(one => one.Finding).FirstOrDefault(static one => one.Length > 0) ?? record.Finding);
        return await JudgeAsync(result, record, direct, run, pops, transactions, cancellationToken);

        RecordedCaller CallerOf(int caller)
        {
            // Of eight callers four are on the plain network, three on the encrypted one.
            int lane = (caller % 8) switch { < 4 => 0, < 7 => 1, _ => 2 };
            return new RecordedCaller(record, clients[lane], direct, run, damages: lane == 2, pops, transactions, new Random(unchecked((int)seed) + caller));
        }
    }

    private static async Task<RecordedClientResult> JudgeAsync(
        RecordedClientResult result, CommandRecord record, RespClient direct, string run, ConcurrentBag<int> pops, ConcurrentBag<(int First, int Count)> transactions, CancellationToken cancellationToken)
    {
        bool[] ran = await ReadRecordAsync(record.Commands, direct, run, pops, cancellationToken);
        long notSent = 0, unknown = 0, unknownAndRan = 0, misjudged = 0;
        string finding = result.Finding;
        for (int number = 0; number < record.Commands; number++)
        {
            Knowledge known = record[number];
            notSent += known == Knowledge.NotSent ? 1 : 0;
            unknown += known == Knowledge.Unknown ? 1 : 0;
            unknownAndRan += known == Knowledge.Unknown && ran[number] ? 1 : 0;
            if ((known == Knowledge.Succeeded && !ran[number]) || (known is Knowledge.NotSent or Knowledge.None && ran[number]))
            {
                misjudged++;
                finding = $"Command {number}: {known}, but the server {(ran[number] ? "ran" : "did not run")} it.";
            }
        }

        foreach ((int first, int count) in transactions)
        {
            if (ran.AsSpan(first, count).ContainsAnyExcept(ran[first]))
            {
                misjudged++;
                finding = $"The transaction of the commands {first} to {first + count - 1} ran in part.";
            }
        }

        return result with { NotSent = notSent, Unknown = unknown, UnknownAndRan = unknownAndRan, Misjudged = misjudged, Finding = finding };
    }

    private static async Task<bool[]> ReadRecordAsync(int commands, RespClient direct, string run, ConcurrentBag<int> pops, CancellationToken cancellationToken)
    {
        bool[] ran = new bool[commands];
        for (int log = 0; log < RecordedCaller.Logs; log++)
        {
            using RespLease bits = await direct.Command("GET").Key(RecordedCaller.BitsOf(run, log)).ToLeaseAsync(cancellationToken: cancellationToken);
            using RespLease numbers = await direct.Command("GET").Key(RecordedCaller.NumbersOf(run, log)).ToLeaseAsync(cancellationToken: cancellationToken);
            for (int number = log; number < commands; number += RecordedCaller.Logs)
            {
                ran[number] = (number >> 3 < bits.Span.Length && (bits.Span[number >> 3] & (0x80 >> (number & 7))) != 0)
                    || (((number + 1) * 4) <= numbers.Span.Length && System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(numbers.Span[(number * 4)..]) == CommandRecord.NumberOf(number));
            }
        }

        foreach (int number in pops)
            ran[number] = await direct.Command("DEL").Key(RecordedCaller.ListOf(run, number)).ToInt64Async(cancellationToken: cancellationToken) == 0;
        for (int log = 0; log < RecordedCaller.Logs; log++)
            await direct.Command("DEL").Key(RecordedCaller.BitsOf(run, log)).Write(RecordedCaller.NumbersOf(run, log)).ExecuteAsync(cancellationToken: cancellationToken);
        return ran;
    }

    private static RespClientOptions Through(FaultProxy proxy, RespTlsOptions? tls) => new()
    {
        Endpoint = RespEndpoint.Tcp("127.0.0.1", proxy.Endpoint.Port),
        Tls = tls,
        Connections = Connections,
        RingSize = 512,
        PingAfter = TimeSpan.FromMilliseconds(200),
        PeerTimeout = TimeSpan.FromSeconds(1),
        BackoffFirst = TimeSpan.FromMilliseconds(1),
        BackoffCap = TimeSpan.FromMilliseconds(20),
        DialBurst = 100,
        DialsPerSecond = 500,
        ConnectTimeout = TimeSpan.FromSeconds(2),
        BlockingConnections = 128,
    };

    /// <summary>Of some connections: where they would be cut, nothing goes through any more.</summary>
    private static ConnectionFaults Stalled(ConnectionFaults cut, int connection)
    {
        if (connection % StallOneIn != 3)
            return cut;
        DirectionFaults stall = new() { StallAfter = cut.ToServer.CutAfter ?? cut.ToClient.CutAfter };
        return connection % 2 == 0 ? new ConnectionFaults(stall, DirectionFaults.None) : new ConnectionFaults(DirectionFaults.None, stall);
    }

    private static async Task RequireFreeSlotsAsync(RespClient client)
    {
        foreach (ClientLink link in client.CommandLinks)
            await Connection.Patience.UntilAsync(() => link.Link.Slots.Count == link.Link.Slots.InExistence, "every slot is free again");
    }
}
