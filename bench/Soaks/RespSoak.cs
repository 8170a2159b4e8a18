using System.Diagnostics;
using Sluice.Resp.Tests.Client;
using Sluice.Resp.Tests.Connection;
using Sluice.Resp.Tests.Recorded;

namespace Sluice.Bench.Soaks;

/// <summary>
/// The RESP client through networks that break in every way, command by command against the server's own record: rounds of the whole client (single commands, scripts, batches, transactions,
/// blocking pops and messages, plain and under TLS), and between them rounds of its links alone, which are quicker.
/// </summary>
internal sealed class RespSoak : ISoak
{
    private const int CommandsPerRound = 1_000_000;
    private const long LeastCommands = 10_000_000;
    private const int LinksOneRoundIn = 5;

    public string Name => "resp";

    public string Claim => "No command gets another command's reply, and none that failed is said to be unsent although the server ran it, or to have succeeded although it did not.";

    public async Task<SoakResult> RunAsync(SoakContext context, CancellationToken cancellationToken)
    {
        (TlsRedisServer? started, string reason) = await TlsRedisServer.TryStartAsync(demandsClientCertificate: false, cancellationToken).ConfigureAwait(false);
        if (started is null)
            return new SoakResult(false, [], reason);
        long began = Stopwatch.GetTimestamp();
        Tally client = new(), links = new();
        await using (started)
        {
            for (ulong round = 0; (Stopwatch.GetElapsedTime(began) < context.Duration || client.Commands < LeastCommands) && !cancellationToken.IsCancellationRequested; round++)
            {
                string run = $"run{round}", behind = $"{client.Commands + links.Commands:N0} commands behind us; ";
                ulong seed = context.Seed + (round * 3);
                string finding;
                if (round % LinksOneRoundIn == LinksOneRoundIn - 1)
                {
                    RecordedResult result = await new RecordedCommands(started.Server.EndPoint, seed).RunAsync(CommandsPerRound, run, line => context.Progress(behind + line), cancellationToken).ConfigureAwait(false);
                    await started.Server.AskAsync(["DEL", run], cancellationToken).ConfigureAwait(false);
                    finding = links.Add(result);
                }
                else
                {
                    RecordedClientResult result = await new RecordedClient(started, seed).RunAsync(CommandsPerRound, run, line => context.Progress(behind + line), cancellationToken).ConfigureAwait(false);
                    finding = client.Add(result);
                }

                if (finding.Length != 0)
                    return new SoakResult(false, Figures(), $"Seed {seed}: {finding}");
            }
        }

        return new SoakResult(client.Commands >= LeastCommands, Figures(), client.Commands >= LeastCommands ? null : $"Only {client.Commands:N0} commands of {LeastCommands:N0}.");

        (string Name, string Value)[] Figures() =>
        [
            .. client.Figures("the client"),
            ("the client: blocking pops", $"{client.Pops:N0}"),
            ("the client: transactions, none of which ran in part", $"{client.Transactions:N0}"),
            ("the client: messages, in order and without a silent gap", $"{client.Messages:N0}"),
            ("the client: gaps that subscribers were told of", $"{client.Gaps:N0}"),
            .. links.Figures("links alone"),
        ];
    }

    /// <summary>Sums over rounds.</summary>
    private sealed class Tally
    {
        private long _right, _corrupted, _notSent, _unknown, _unknownAndRan, _cancelled, _late, _connections, _faults, _flips, _wrong, _misjudged;

        public long Commands { get; private set; }

        public long Pops { get; private set; }

        public long Transactions { get; private set; }

        public long Messages { get; private set; }

        public long Gaps { get; private set; }

        /// <returns>What must not be; empty when there was nothing.</returns>
        public string Add(RecordedClientResult round)
        {
            Pops += round.Pops;
            Transactions += round.Transactions;
            Messages += round.Messages;
            Gaps += round.Gaps;
            return Add(new RecordedResult(
                round.Commands, round.Right, round.Wrong, round.Corrupted, round.NotSent, round.Unknown, round.UnknownAndRan, round.Cancelled, round.Late, round.Misjudged, round.Connections, round.Faults,
                round.Flips, round.Finding));
        }

        /// <inheritdoc cref="Add(RecordedClientResult)"/>
        public string Add(RecordedResult round)
        {
            Commands += round.Commands;
            _right += round.Right;
            _wrong += round.Wrong;
            _misjudged += round.Misjudged;
            _corrupted += round.Corrupted;
            _notSent += round.NotSent;
            _unknown += round.Unknown;
            _unknownAndRan += round.UnknownAndRan;
            _cancelled += round.Cancelled;
            _late += round.Late;
            _connections += round.Connections;
            _faults += round.Faults;
            _flips += round.Flips;
            return round.Wrong != 0 || round.Misjudged != 0 || round.Finding.Length != 0 ? $"{round.Wrong} wrong, {round.Misjudged} misjudged. {round.Finding}" : "";
        }

        public IEnumerable<(string Name, string Value)> Figures(string what) =>
        [
            ($"{what}: commands, each with a value of its own", $"{Commands:N0}"), ($"{what}: replies that were right", $"{_right:N0}"), ($"{what}: replies that were another command's", $"{_wrong:N0}"),
            ($"{what}: outcomes that the server's record contradicts", $"{_misjudged:N0}"), ($"{what}: failed as not sent (the server ran none of them)", $"{_notSent:N0}"),
            ($"{what}: failed with unknown outcome, or called off", $"{_unknown:N0}"), ($"{what}: of those, the server had run", $"{_unknownAndRan:N0}"), ($"{what}: called off", $"{_cancelled:N0}"),
            ($"{what}: past their deadline", $"{_late:N0}"), ($"{what}: connections", $"{_connections:N0}"), ($"{what}: faults of the network", $"{_faults:N0}"),
            ($"{what}: unprotected connections with a changed byte in their replies", $"{_flips:N0}"), ($"{what}: values that were visibly damaged by those", $"{_corrupted:N0}"),
        ];
    }
}
