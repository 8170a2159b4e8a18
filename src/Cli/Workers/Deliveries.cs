using System.Text;
using Sluice.Cli.Sessions;
using Sluice.Hashing;

namespace Sluice.Cli.Workers;

/// <summary>
/// Tells the first delivery of a session from the others, as a sink does: by its idempotency key. The others have to be of another token and of the same content. Remembers
/// the last million sessions; deliveries of one session are seconds apart. Not thread-safe.
/// </summary>
internal sealed class Deliveries
{
    private const int Remembered = 1 << 20;

    private readonly Dictionary<ulong, (List<long> Tokens, ulong Content)> _seen = [];
    private readonly Queue<ulong> _inOrder = new();

    /// <summary>Deliveries that were not the first.</summary>
    public long Again { get; private set; }

    /// <summary>Those of them whose token had been used, or whose content was another.</summary>
    public long Contradictions { get; private set; }

    /// <summary>True when the session is delivered for the first time.</summary>
    public bool IsFirst(CompletedVisit visit)
    {
        ulong key = XxHash64.Hash(Encoding.UTF8.GetBytes(visit.IdempotencyKey)), content = ContentOf(visit);
        if (_seen.TryGetValue(key, out (List<long> Tokens, ulong Content) before))
        {
            Again++;
            if (before.Tokens.Contains(visit.FencingToken) || before.Content != content)
                Contradictions++;
            before.Tokens.Add(visit.FencingToken);
            return false;
        }

        _seen[key] = ([visit.FencingToken], content);
        _inOrder.Enqueue(key);
        if (_inOrder.Count > Remembered)
            _seen.Remove(_inOrder.Dequeue());
        return true;
    }

    private static ulong ContentOf(CompletedVisit visit)
    {
        using MemoryStream bytes = new();
        using BinaryWriter writer = new(bytes);
        VisitFrame.Write(writer, visit with { FencingToken = 0, Attempt = 0 });
        writer.Flush();
        return XxHash64.Hash(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }
}
