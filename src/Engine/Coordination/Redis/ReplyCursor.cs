using System.Globalization;
using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>Takes a script's reply apart, element by element. A reply of another shape is an exception: the script is not ours.</summary>
internal ref struct ReplyCursor
{
    private RespChildren _children;

    public ReplyCursor(RespReader reply)
    {
        reply.ThrowIfError();
        if (!reply.IsAggregate || reply.IsNull)
            throw new InvalidDataException("A script answered with something that is no array.");
        Count = reply.Count;
        _children = reply.Children;
    }

    /// <summary>How many elements the reply has.</summary>
    public int Count { get; }

    public RespReader Next() => _children.MoveNext() ? _children.Current : throw new InvalidDataException("A script's answer is too short.");

    public long Number() => PackedRecords.FromScript(Next().ReadInt64());

    public int Count32() => checked((int)Next().ReadInt64());

    public byte[] Bytes() => Next().ToArray() ?? [];

    public ReplyCursor Nested() => new(Next());

    /// <summary>What HGETALL answers.</summary>
    public List<(byte[] Name, byte[] Value)> Hash()
    {
        ReplyCursor entries = Nested();
        List<(byte[], byte[])> found = new(entries.Count / 2);
        for (int i = entries.Count / 2; i > 0; i--)
            found.Add((entries.Bytes(), entries.Bytes()));
        return found;
    }

    /// <summary>What ZRANGE answers, with the scores; these are moments.</summary>
    public List<(byte[] Name, long Score)> Queue()
    {
        ReplyCursor entries = Nested();
        List<(byte[], long)> found = new(entries.Count / 2);
        for (int i = entries.Count / 2; i > 0; i--)
            found.Add((entries.Bytes(), PackedRecords.FromScript((long)double.Parse(entries.Next().ReadString()!, CultureInfo.InvariantCulture))));
        return found;
    }
}
