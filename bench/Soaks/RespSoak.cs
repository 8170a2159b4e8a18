using System.Diagnostics;
using Sluice.Harness;
using Sluice.Resp.Tests.Connection;

namespace Sluice.Bench.Soaks;

/// <summary>The RESP client through a network that breaks in every way, command by command against the server's own record.</summary>
internal sealed class RespSoak : ISoak
{
    private const int CommandsPerRound = 2_000_000;
    private const long LeastCommands = 10_000_000;

    public string Name => "resp";

    public string Claim => "No command gets another command's reply, and none that failed is said to be unsent although the server ran it, or to have succeeded although it did not.";

    public async Task<SoakResult> RunAsync(SoakContext context, CancellationToken cancellationToken)
    {
        if (PrivateRedisServer.Unavailable is { } reason)
            return new SoakResult(false, [], reason);
        long began = Stopwatch.GetTimestamp();
        long commands = 0, right = 0, corrupted = 0, notSent = 0, unknown = 0, unknownAndRan = 0, cancelled = 0, late = 0, connections = 0, faults = 0, flips = 0;
        PrivateRedisServer server = await PrivateRedisServer.StartAsync([], cancellationToken).ConfigureAwait(false);
        await using (server)
        {
            for (ulong round = 0; (Stopwatch.GetElapsedTime(began) < context.Duration || commands < LeastCommands) && !cancellationToken.IsCancellationRequested; round++)
            {
                string log = $"log{round}";
                long before = commands;
                RecordedResult result = await new RecordedCommands(server.EndPoint, context.Seed + (round * 2))
                    .RunAsync(CommandsPerRound, log, line => context.Progress($"{before:N0} commands behind us; {line}"), cancellationToken).ConfigureAwait(false);
                await server.AskAsync(["DEL", log], cancellationToken).ConfigureAwait(false);
                commands += result.Commands;
                right += result.Right;
                corrupted += result.Corrupted;
                notSent += result.NotSent;
                unknown += result.Unknown;
                unknownAndRan += result.UnknownAndRan;
                cancelled += result.Cancelled;
                late += result.Late;
                connections += result.Connections;
                faults += result.Faults;
                flips += result.Flips;
                if (result.Wrong != 0 || result.Misjudged != 0 || result.Finding.Length != 0)
                    return new SoakResult(false, Figures(), $"Seed {context.Seed + (round * 2)}: {result.Wrong} wrong, {result.Misjudged} misjudged. {result.Finding}");
            }
        }

        return new SoakResult(commands >= LeastCommands, Figures(), commands >= LeastCommands ? null : $"Only {commands:N0} commands of {LeastCommands:N0}.");

        (string Name, string Value)[] Figures() =>
        [
            ("commands, each with a value of its own", $"{commands:N0}"), ("replies that were right", $"{right:N0}"), ("replies that were another command's", "0"),
            ("failed as not sent (the server ran none of them)", $"{notSent:N0}"), ("failed with unknown outcome, or called off", $"{unknown:N0}"), ("of those, the server had run", $"{unknownAndRan:N0}"),
            ("called off", $"{cancelled:N0}"), ("past their deadline", $"{late:N0}"), ("connections", $"{connections:N0}"), ("faults of the network", $"{faults:N0}"),
            ("connections with a changed byte in their replies", $"{flips:N0}"), ("values that were visibly damaged by those", $"{corrupted:N0}"),
        ];
    }
}
