using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Numerics;
using System.Text;
using Sluice.Harness.Faults;
using Sluice.Resp.Connection;

namespace Sluice.Resp.Tests.Connection;

/// <summary>What <see cref="RecordedCommands"/> found.</summary>
/// <param name="Wrong">Values of another command: must be none.</param>
/// <param name="Corrupted">Values that are no command's: only where bytes were changed on the way, and one a changed byte at most.</param>
/// <param name="Misjudged">Failures whose outcome the server's record contradicts: must be none.</param>
internal sealed record RecordedResult(
    long Commands, long Right, long Wrong, long Corrupted, long NotSent, long Unknown, long UnknownAndRan, long Cancelled, long Late, long Misjudged, int Connections, int Faults, int Flips, string Finding);

/// <summary>
/// Commands with unique self-checking values through a network that breaks in every way: the server keeps a record of what it ran, and afterwards every caller's
/// knowledge is held against it.
/// </summary>
/// <remarks>
/// <para>The script sets bit n of a log and returns <c>val:n:check</c>, a text whose check no other number has and no single changed bit turns into another valid one. So a wrong reply is told
/// from a damaged one, and "success", "not sent" and "unknown" from each other.</para>
/// <para>No length of such a text, with one bit of its digits changed, is that of several whole replies together: such a change no client could notice, and all later callers would
/// get their neighbours' values. (With the prefix "v" it is so for two-digit numbers: "$13" becomes "$33".)</para>
/// </remarks>
internal sealed class RecordedCommands(IPEndPoint server, ulong seed)
{
    private const string Script = "redis.call('SETBIT', KEYS[1], ARGV[1], 1) return ARGV[2]";
    private const int Callers = 96;
    private const int WindowOfACaller = 8;

    // A connection ends, in one way or another, after so many bytes in one direction at most.
    private const long LongestLife = 1_000_000;

    // A stall lasts until the silence is noticed, so there are fewer of them.
    private const int StallOneIn = 25;

    private enum Knowledge : byte
    {
        None,
        Succeeded,
        NotSent,
        Unknown,
    }

    /// <summary>Sends so many commands over several links, through a proxy whose faults never change a byte and through one whose faults do.</summary>
    /// <param name="log">The server's key for the record; unique to the run.</param>
    public async Task<RecordedResult> RunAsync(int commands, string log, Action<string>? progress, CancellationToken cancellationToken)
    {
        SeededFaults faults = new(seed, 20, LongestLife) { Trickling = 0.02, Delaying = 0.1 };
        SeededFaults flipping = new(seed + 1, 20, LongestLife) { Delaying = 0.1, Flipping = 0.7 };
        int flips = 0;
        await using FaultProxy sound = new(server, connection => connection % StallOneIn == 3 ? Stalled(faults.For(connection), connection) : faults.For(connection));
        await using FaultProxy changing = new(server, connection =>
        {
            ConnectionFaults its = flipping.For(connection);
            if (its.ToClient.FlipAt is not null)
                Interlocked.Increment(ref flips);
            return its;
        });
        RespLink[] links = [LinkTo(sound, 0), LinkTo(sound, 1), LinkTo(sound, 2), LinkTo(changing, 3)];
        Knowledge[] known = new Knowledge[commands];
        long next = -1, right = 0, wrong = 0, corrupted = 0, cancelled = 0, late = 0;
        string finding = "";
        string sha = await LoadAsync(cancellationToken);

        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(() => CallAsync(caller), cancellationToken)));

        foreach (RespLink link in links)
            await link.DisposeAsync();
        int connections = sound.Connections + changing.Connections, done = sound.FaultsDone + changing.FaultsDone;
        byte[] record = await ReadRecordAsync(log, commands, cancellationToken);
        long notSent = 0, unknown = 0, unknownAndRan = 0, misjudged = 0;
        for (int n = 0; n < commands; n++)
        {
            bool ran = (record[n >> 3] & (0x80 >> (n & 7))) != 0;
            notSent += known[n] == Knowledge.NotSent ? 1 : 0;
            unknown += known[n] == Knowledge.Unknown ? 1 : 0;
            unknownAndRan += known[n] == Knowledge.Unknown && ran ? 1 : 0;
            if (known[n] == Knowledge.None || (known[n] == Knowledge.Succeeded && !ran) || (known[n] == Knowledge.NotSent && ran))
            {
                misjudged++;
                finding = $"Command {n}: {known[n]}, but the server {(ran ? "ran" : "did not run")} it.";
            }
        }

        if (corrupted > flips)
            finding = $"{corrupted} damaged values, but only {flips} changed bytes.";
        return new RecordedResult(commands, right, wrong, corrupted, notSent, unknown, unknownAndRan, cancelled, late, misjudged, connections, done, flips, finding);

        async Task CallAsync(int caller)
        {
            Random random = new(unchecked((int)seed) + caller);
            RespLink link = links[caller % links.Length];
            bool damages = link == links[^1];
            List<Task> window = [];
            while (true)
            {
                window.Clear();
                for (int i = random.Next(1, WindowOfACaller + 1); i > 0; i--)
                {
                    long n = Interlocked.Increment(ref next);
                    if (n < commands)
                        window.Add(OneAsync(link, (int)n, damages, random.Next(2000)));
                    if (n % 200_000 == 0)
                        progress?.Invoke(string.Create(CultureInfo.InvariantCulture, $"{n:N0} of {commands:N0} commands, {sound.Connections + changing.Connections} connections, {Interlocked.Read(ref wrong)} wrong"));
                }

                if (window.Count == 0)
                    return;
                await Task.WhenAll(window);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        async Task OneAsync(RespLink link, int n, bool damages, int dice)
        {
            string expected = ValueOf(n);
            using CancellationTokenSource? mine = dice < 20 ? new CancellationTokenSource(TimeSpan.FromMilliseconds(dice / 4)) : null;
            try
            {
                string? value = await Send(link, sha, log, n, expected, new SendTerms(dice is >= 20 and < 40 ? dice - 19 : 20_000, mine?.Token ?? default));
                known[n] = Knowledge.Succeeded;
                if (string.Equals(value, expected, StringComparison.Ordinal))
                {
                    Interlocked.Increment(ref right);
                }
                else if (damages && !IsSomebodys(value))
                {
                    // The reply was damaged, but it was this command's: the server ran it.
                    Interlocked.Increment(ref corrupted);
                }
                else
                {
                    Interlocked.Increment(ref wrong);
                    finding = $"Command {n} got '{value}'.";
                }
            }
            catch (RespConnectionException lost)
            {
                known[n] = lost.Outcome == CommandOutcome.NotSent ? Knowledge.NotSent : Knowledge.Unknown;
            }
            catch (RespTimeoutException expired)
            {
                Interlocked.Increment(ref late);
                known[n] = expired.Outcome == CommandOutcome.NotSent ? Knowledge.NotSent : Knowledge.Unknown;
            }
            catch (RespOverloadException)
            {
                known[n] = Knowledge.NotSent;
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref cancelled);
                known[n] = Knowledge.Unknown;
            }
            catch (RespException) when (damages)
            {
                // A damaged reply that is no string, or an error.
                Interlocked.Increment(ref corrupted);
                known[n] = Knowledge.Unknown;
            }
        }
    }

    /// <summary>Where it would be cut, nothing goes through any more.</summary>
    private static ConnectionFaults Stalled(ConnectionFaults cut, int connection)
    {
        DirectionFaults stall = new() { StallAfter = cut.ToServer.CutAfter ?? cut.ToClient.CutAfter };
        return connection % 2 == 0 ? new ConnectionFaults(stall, DirectionFaults.None) : new ConnectionFaults(DirectionFaults.None, stall);
    }

    private static string ValueOf(int n) => string.Create(CultureInfo.InvariantCulture, $"val:{n}:{BitOperations.RotateLeft((uint)n * 0x9E3779B1u, 13):x8}");

    /// <summary>True when it is the value of any command, so that somebody could have been misled.</summary>
    private static bool IsSomebodys(string? value) =>
        value?.Split(':') is ["val", string number, _] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && string.Equals(ValueOf(n), value, StringComparison.Ordinal);

    private static ValueTask<string?> Send(RespLink link, string sha, string log, int n, string value, in SendTerms terms)
    {
        RespCommandWriter frame = new(stackalloc byte[256]);
        frame.Write("EVALSHA"u8);
        frame.Write(sha);
        frame.Write(1);
        frame.Write(log);
        frame.Write(n);
        frame.Write(value);
        ReplySlot slot = link.Rent(ReplyKind.Text, terms);
        short token = slot.Token;
        link.Send(frame.Complete(), slot);
        frame.Dispose();
        return new ValueTask<string?>(slot, token);
    }

    private static RespLink LinkTo(FaultProxy proxy, int number) => new(new LinkTerms
    {
        Endpoint = RespEndpoint.Tcp("127.0.0.1", proxy.Endpoint.Port),
        Transport = new RespSocketTransport(),
        Handshake = new Named(),
        Dials = new DialBudget(100, 500),
        Connection = new ConnectionTerms { RingSize = number == 1 ? 16 : 1024, PingAfter = 200, PeerTimeout = 1000 },
        BackoffFirst = TimeSpan.FromMilliseconds(1),
        BackoffCap = TimeSpan.FromMilliseconds(20),
        ConnectTimeout = TimeSpan.FromSeconds(2),
        Seed = number,
        Name = $"recorded {number}",
    });

    private RespLink Direct() => new(new LinkTerms
    {
        Endpoint = RespEndpoint.Tcp("127.0.0.1", server.Port),
        Transport = new RespSocketTransport(),
        Handshake = new Named(),
        Dials = new DialBudget(100, 500),
        CommandTimeout = -1,
    });

    private async Task<string> LoadAsync(CancellationToken cancellationToken)
    {
        RespLink direct = Direct();
        await using (direct)
        {
            await direct.OpenAsync(failFast: true, cancellationToken);
            return (await Ask(direct, "SCRIPT", "LOAD", Script)).AsString() ?? throw new InvalidDataException("SCRIPT LOAD returned nothing.");
        }
    }

    private async Task<byte[]> ReadRecordAsync(string log, int commands, CancellationToken cancellationToken)
    {
        RespLink direct = Direct();
        await using (direct)
        {
            await direct.OpenAsync(failFast: true, cancellationToken);
            byte[] record = new byte[(commands >> 3) + 1];
            ReadOnlyMemory<byte> stored = (await Ask(direct, "GET", log)).AsBytes();
            stored.CopyTo(record);
            return record;
        }
    }

    private static ValueTask<RespValue> Ask(RespLink link, params ReadOnlySpan<string> arguments)
    {
        RespCommandWriter frame = new(stackalloc byte[256]);
        foreach (string argument in arguments)
            frame.Write(argument);
        ReplySlot slot = link.Rent(ReplyKind.Value, default);
        short token = slot.Token;
        link.Send(frame.Complete(), slot);
        frame.Dispose();
        return new ValueTask<RespValue>(slot, token);
    }

    /// <summary>A handshake, so that faults hit that too.</summary>
    private sealed class Named : LinkHandshake
    {
        private static readonly byte[] Frames = [.. "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"u8, .. "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$8\r\nrecorded\r\n"u8];

        public override void Perform(RespConnection connection) => connection.Exchange(Frames, 2, static (int index, ref RespReader reply) =>
        {
            // Exactly these: a changed byte in the first may have taken the second with it, or left a piece of itself.
            if (reply.Prefix != (index == 0 ? RespPrefix.Map : RespPrefix.SimpleString))
                throw new RespProtocolException($"The handshake's reply {index} makes no sense: {reply.Prefix}.");
        });
    }
}
