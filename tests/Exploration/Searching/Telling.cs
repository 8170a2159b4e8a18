using System.Globalization;
using Sluice.Coordination;
using Sluice.Tests.Simulation;

namespace Sluice.Exploration;

/// <summary>A history as one reads it: what happens, to whom, and what the server answers.</summary>
internal static class Telling
{
    public static IReadOnlyList<string> Of(Bounds bounds, Rules rules, IReadOnlyList<Move> history, InvariantException fault, bool isQuiet)
    {
        List<string> lines = [];
        int step = 0;
        World world = new(bounds, rules);
        if (bounds.FlushedAtStart)
            lines.Add($"     engine 0 has merged {bounds.Events} updates of R, flushed them and let go");
        foreach (Move move in history)
        {
            World next = world.Fork();
            string what = Sentence(world, move);
            try
            {
                next.Take(move);
                lines.Add($"{++step,3}. {what}{Answer(next.LastReply)}");
            }
            catch (InvariantException)
            {
                lines.Add($"{++step,3}. {what}{Answer(next.LastReply)}");
            }

            world = next;
        }

        if (isQuiet)
            lines.Add("     From here all is quiet: what is late arrives, engines come back and flush, all but one are gone, time passes.");
        lines.Add($"     {fault.Message}.");
        return lines;
    }

    private static string Sentence(World world, Move move)
    {
        string engine = $"engine {move.Engine}";
        string resource = move.Target < World.Resources.Length ? World.Resources[move.Target].ToString() : "?";
        return move.Kind switch
        {
            MoveKind.Merge => $"{engine} merges update {world.Used[move.Target]} of {resource}",
            MoveKind.MergePoison => $"{engine} merges a delta of {resource} that can't be merged on the server",
            MoveKind.End => $"{engine} ends its session of {resource}",
            MoveKind.Force => $"{engine} forces {resource} to end",
            MoveKind.Send => $"{engine} flushes",
            MoveKind.SendReplyLost => $"{engine} flushes; the reply is lost",
            MoveKind.SendReplyLate => $"{engine} flushes; the reply is late",
            MoveKind.SendLateCopy => $"{engine} flushes; the request is late, and is given up",
            MoveKind.Hear => $"{engine} hears the late reply",
            MoveKind.Beat => $"{engine} beats",
            MoveKind.BeatReplyLate => $"{engine} beats; the reply is late",
            MoveKind.HearBeat => $"{engine} hears the late reply to its beat",
            MoveKind.LateBeatCopy => $"{engine} beats; the request is late",
            MoveKind.BeatWithoutMemory => $"{engine} beats, while the server has no memory",
            MoveKind.Leave => $"{engine} leaves",
            MoveKind.LeaveReplyLost => $"{engine} leaves; the reply is lost",
            MoveKind.Reap => "an incarnation whose lease ran out is reaped",
            MoveKind.ReapWithoutMemory => "an incarnation whose lease ran out is reaped, while the server has no memory",
            MoveKind.Claim => $"{engine} claims",
            MoveKind.ClaimReplyLost => $"{engine} claims; the reply is lost",
            MoveKind.Confirm => $"{engine} asks whether it still has the claim of {Claimed(world, move)}",
            MoveKind.Deliver => $"{engine} delivers {Claimed(world, move)}",
            MoveKind.Acknowledge => $"{engine} acknowledges {Claimed(world, move)}",
            MoveKind.AcknowledgeReplyLost => $"{engine} acknowledges {Claimed(world, move)}; the reply is lost",
            MoveKind.AcknowledgeLateCopy => $"{engine} acknowledges {Claimed(world, move)}; the request is late",
            MoveKind.Extend => $"{engine} extends its claim of {Claimed(world, move)}",
            MoveKind.Fail => $"{engine} can't complete {Claimed(world, move)} and gives it back",
            MoveKind.FailReplyLost => $"{engine} can't complete {Claimed(world, move)} and gives it back; the reply is lost",
            MoveKind.FailLateCopy => $"{engine} can't complete {Claimed(world, move)} and gives it back; the request is late",
            MoveKind.Replay => "a person replays a dead letter",
            MoveKind.Arrive => $"a late request arrives ({world.Copies[move.Target].Request.GetType().Name.Replace("Request", "", StringComparison.Ordinal)})",
            MoveKind.Time => "time passes until the next moment at which something is due",
            MoveKind.ClockStep => $"the server's clock is set back by {world.Bounds.ClockStep / Bounds.Unit}",
            MoveKind.Keep => "the server's last copy on disk, or on its replica, is of now",
            MoveKind.Rollback => "the server crashes and comes back with that copy",
            MoveKind.Crash => $"{engine} crashes; a new one starts in its place",
            MoveKind.Pause => $"{engine} stands still",
            MoveKind.Return => $"{engine} goes on",
            MoveKind.Redeliver => $"the broker gives update {move.Target % Tally.PerResource} of {World.Resources[move.Target / Tally.PerResource]} to {engine}",
            MoveKind.Look => $"{engine} looks at the deltas of {resource} and merges them",
            MoveKind.Compact => $"{engine} stores what it has merged",
            MoveKind.CompactReplyLost => $"{engine} stores what it has merged; the reply is lost",
            MoveKind.CompactLateCopy => $"{engine} stores what it has merged; the request is late, and is given up",
            MoveKind.Fold => $"{engine} merges the deltas of {Claimed(world, move)} and stores the result",
            MoveKind.FoldReplyLost => $"{engine} merges the deltas of {Claimed(world, move)} and stores the result; the reply is lost",
            MoveKind.FoldLateCopy => $"{engine} merges the deltas of {Claimed(world, move)} and stores the result; the request is late",
            MoveKind.Stranger => "a process with another number of partitions flushes",
            _ => move.ToString(),
        };
    }

    private static string Claimed(World world, Move move)
    {
        ClaimedSession session = world.Engines[move.Engine].Works[move.Target].Session;
        return string.Create(CultureInfo.InvariantCulture, $"{session.Resource}, generation {Number(session.Generation)}, token {Number(session.Token)}");
    }

    private static string Answer(object? reply) => reply switch
    {
        FlushReply flush => $": {flush.Status}, last {flush.Last}",
        ClaimReply claim => $": {(claim.Claims.IsEmpty ? "nothing" : string.Join(", ", claim.Claims.Select(static session => $"{session.Resource}, generation {Number(session.Generation)}, token {Number(session.Token)}")))}",
        AcknowledgeReply acknowledge => acknowledge.Accepted[0] ? ": accepted" : ": stale",
        ExtendReply extend => extend.Held[0] ? ": held" : ": lost",
        AbandonReply abandon => $": {abandon.Status}",
        BeatReply beat => $": {beat.Status}, last {beat.Last}",
        ReapReply reap => reap.WasExpired ? $": taken back, {reap.Remaining} remain" : ": it lives",
        LeaveReply leave => leave.HasLeft ? ": it has left" : $": it still holds {leave.StillHeld}",
        CompactReply compact => $": {compact.Statuses[0]}",
        ReplayReply replay => $": {replay.Status}",
        _ => "",
    };

    /// <summary>Generations and tokens as distances from the beginning.</summary>
    private static string Number(long number) => (number - World.Origin).ToString("+0;-0;0", CultureInfo.InvariantCulture);
}
