using Sluice.Cli.Sessions;

namespace Sluice.Cli.Workers;

/// <summary>What a worker process is told at its start. It goes through the pipe and not through the command line, which everybody on the machine can read.</summary>
internal sealed record WorkerStart
{
    public required int Worker { get; init; }

    public required IReadOnlyList<string> Servers { get; init; }

    public required string Prefix { get; init; }

    public required int Partitions { get; init; }

    public required TimeSpan Lease { get; init; }

    public required VisitEngineOptions Engine { get; init; }

    /// <summary>Whether sessions carry the numbers of their lines.</summary>
    public required bool Traced { get; init; }

    public static void Write(BinaryWriter writer, WorkerStart start)
    {
        writer.Write(start.Worker);
        writer.Write(start.Servers.Count);
        foreach (string server in start.Servers)
            writer.Write(server);
        writer.Write(start.Prefix);
        writer.Write(start.Partitions);
        writer.Write(start.Lease.Ticks);
        writer.Write(start.Engine.Soft?.Ticks ?? 0);
        writer.Write(start.Engine.Hard?.Ticks ?? 0);
        writer.Write(start.Engine.Capacity);
        writer.Write(start.Engine.LogClock);
        writer.Write(start.Traced);
    }

    public static WorkerStart Read(BinaryReader reader)
    {
        int worker = reader.ReadInt32();
        string[] servers = new string[reader.ReadInt32()];
        for (int i = 0; i < servers.Length; i++)
            servers[i] = reader.ReadString();
        return new WorkerStart
        {
            Worker = worker,
            Servers = servers,
            Prefix = reader.ReadString(),
            Partitions = reader.ReadInt32(),
            Lease = TimeSpan.FromTicks(reader.ReadInt64()),
            Engine = new VisitEngineOptions(Limit(reader.ReadInt64()), Limit(reader.ReadInt64()), reader.ReadInt32(), reader.ReadBoolean()),
            Traced = reader.ReadBoolean(),
        };

        static TimeSpan? Limit(long ticks) => ticks == 0 ? null : TimeSpan.FromTicks(ticks);
    }
}

/// <summary>What a worker is asked to do when it has merged the lines before.</summary>
internal enum Errand : byte
{
    /// <summary>Nothing more.</summary>
    Drain,

    Flush,

    /// <summary>Moves the session clock and ends what is due.</summary>
    Sweep,

    EndAll,

    Quiesce,

    /// <summary>Stops the engine and ends.</summary>
    Stop,
}

/// <summary>A worker's answer.</summary>
/// <param name="NextSessionDeadline">The earliest end of one of its sessions, on the session clock.</param>
/// <param name="FlushedItems">Items that it sent to the coordinator.</param>
/// <param name="Refused">Lines that it refused.</param>
/// <param name="Left">What it left behind when it stopped; empty: nothing.</param>
internal sealed record WorkerAnswer(long NextSessionDeadline, long FlushedItems, long Refused, string Left)
{
    /// <summary>Of a worker that is not there any more.</summary>
    public static WorkerAnswer Gone { get; } = new(long.MaxValue, 0, 0, "");
}

/// <summary>One line on its way to a worker, or held by one that was lost.</summary>
internal sealed record HandedLine(
    long Number, byte[] Key, byte[] Page, long Bytes, bool IsError, long SeenTicks, long StampTicks, long ClockTicks);

/// <summary>A completed session as it stands in a frame.</summary>
internal static class VisitFrame
{
    public static void Write(BinaryWriter writer, CompletedVisit visit)
    {
        writer.Write(visit.Key);
        writer.Write(visit.Generation);
        writer.Write(visit.IdempotencyKey);
        writer.Write(visit.FencingToken);
        writer.Write(visit.Hits);
        writer.Write(visit.Bytes);
        writer.Write(visit.Errors);
        writer.Write(visit.FirstSeen.UtcTicks);
        writer.Write(visit.LastSeen.UtcTicks);
        writer.Write(visit.LastPages.Count);
        foreach (string page in visit.LastPages)
            writer.Write(page);
        writer.Write(visit.DistinctPages);
        writer.Write((int)visit.Reason);
        writer.Write(visit.Attempt);
        writer.Write(visit.Lines.Count);
        foreach (long line in visit.Lines)
            writer.Write(line);
    }

    public static CompletedVisit Read(BinaryReader reader)
    {
        return new CompletedVisit
        {
            Key = reader.ReadString(),
            Generation = reader.ReadInt64(),
            IdempotencyKey = reader.ReadString(),
            FencingToken = reader.ReadInt64(),
            Hits = reader.ReadInt64(),
            Bytes = reader.ReadInt64(),
            Errors = reader.ReadInt64(),
            FirstSeen = new DateTimeOffset(reader.ReadInt64(), TimeSpan.Zero),
            LastSeen = new DateTimeOffset(reader.ReadInt64(), TimeSpan.Zero),
            LastPages = Many(reader, static from => from.ReadString()),
            DistinctPages = reader.ReadInt64(),
            Reason = (CompletionReason)reader.ReadInt32(),
            Attempt = reader.ReadInt32(),
            Lines = Many(reader, static from => from.ReadInt64()),
        };

        static T[] Many<T>(BinaryReader from, Func<BinaryReader, T> read)
        {
            T[] values = new T[from.ReadInt32()];
            for (int i = 0; i < values.Length; i++)
                values[i] = read(from);
            return values;
        }
    }
}

/// <summary>A batch of lines as it stands in a frame.</summary>
internal static class LinesFrame
{
    public static void Write(BinaryWriter writer, (long First, ViewBatch Batch) lines)
    {
        writer.Write(lines.First);
        writer.Write(lines.Batch.Count);
        foreach (ref readonly ViewBatch.Entry entry in lines.Batch.Entries)
        {
            writer.Write(entry.KeyLength);
            writer.Write(lines.Batch.Key(in entry));
            writer.Write(entry.PageLength);
            writer.Write(lines.Batch.Page(in entry));
            writer.Write(entry.Bytes);
            writer.Write(entry.IsError);
            writer.Write(entry.SeenTicks);
            writer.Write(entry.StampTicks);
            writer.Write(entry.ClockTicks);
            writer.Write(entry.Line);
        }
    }

    public static HandedLine ReadOne(BinaryReader reader)
    {
        byte[] key = reader.ReadBytes(reader.ReadInt32()), page = reader.ReadBytes(reader.ReadInt32());
        (long bytes, bool isError, long seen, long stamp, long clock) = (reader.ReadInt64(), reader.ReadBoolean(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64());
        return new HandedLine(reader.ReadInt64(), key, page, bytes, isError, seen, stamp, clock);
    }
}
