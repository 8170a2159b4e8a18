using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text;

namespace Sluice.Tests.Opaque;

/// <summary>How many of which article: any order gives the same.</summary>
public sealed class Basket : IOpaqueState<Basket>
{
    private readonly SortedDictionary<int, long> _articles = [];

    public static Basket Empty => new();

    public long Total => _articles.Values.Sum();

    public IReadOnlyDictionary<int, long> Articles => _articles;

    public static Basket Of(int article, long count = 1) => new() { _articles = { [article] = count } };

    public static Basket Merge(Basket earlier, Basket later)
    {
        // Into the first of them, as the contract allows.
        foreach ((int article, long count) in later._articles)
            earlier._articles[article] = earlier._articles.GetValueOrDefault(article) + count;
        return earlier;
    }

    public static void Write(Basket state, IBufferWriter<byte> output)
    {
        foreach ((int article, long count) in state._articles)
        {
            Span<byte> entry = output.GetSpan(12);
            BinaryPrimitives.WriteInt32LittleEndian(entry, article);
            BinaryPrimitives.WriteInt64LittleEndian(entry[4..], count);
            output.Advance(12);
        }
    }

    public static Basket Read(ReadOnlySpan<byte> bytes)
    {
        Basket basket = new();
        for (; !bytes.IsEmpty; bytes = bytes[12..])
            basket._articles.Add(BinaryPrimitives.ReadInt32LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes[4..]));
        return basket;
    }
}

/// <summary>Steps in the order of their arrival, as text: the order is what it is about.</summary>
public readonly record struct Trail(string Steps) : IOpaqueState<Trail>
{
    public static Trail Empty => new("");

    public static MergeOrder Order => MergeOrder.Arrival;

    public static Trail Merge(Trail earlier, Trail later) => new(earlier.Steps + later.Steps);

    public static void Write(Trail state, IBufferWriter<byte> output) => output.Write(Encoding.UTF8.GetBytes(state.Steps));

    public static Trail Read(ReadOnlySpan<byte> bytes) => new(Encoding.UTF8.GetString(bytes));
}

/// <summary>A number, and a mark that is another one each time it is written: what nobody should do, and everybody does with dictionaries and clocks.</summary>
public readonly record struct Marked(long Sum, long Mark = 0) : IOpaqueState<Marked>
{
    private static long s_marks;

    public static Marked Empty => default;

    public static Marked Merge(Marked earlier, Marked later) => new(earlier.Sum + later.Sum);

    public static void Write(Marked state, IBufferWriter<byte> output)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(16), state.Sum);
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(16)[8..], Interlocked.Increment(ref s_marks));
        output.Advance(16);
    }

    public static Marked Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]));
}

/// <summary>A number whose code does what a test says; the name in it tells the tests apart.</summary>
public sealed record Rigged(string Name, long Sum) : IOpaqueState<Rigged>
{
    private static readonly ConcurrentDictionary<string, Action<Rigged, Rigged>> OnMerges = new();

    public static Rigged Empty => new("", 0);

    /// <summary>Bytes that the merged state takes more.</summary>
    public int Padding { get; init; }

    /// <summary>Runs before each merge of states with this name; null: nothing any more.</summary>
    public static void OnMerge(string name, Action<Rigged, Rigged>? action)
    {
        if (action is null)
            OnMerges.TryRemove(name, out _);
        else
            OnMerges[name] = action;
    }

    public static Rigged Merge(Rigged earlier, Rigged later)
    {
        string name = earlier.Name.Length == 0 ? later.Name : earlier.Name;
        if (OnMerges.TryGetValue(name, out Action<Rigged, Rigged>? action))
            action(earlier, later);
        return new Rigged(name, earlier.Sum + later.Sum) { Padding = earlier.Padding + later.Padding };
    }

    public static void Write(Rigged state, IBufferWriter<byte> output)
    {
        if (state.Name == "unwritable")
            throw new NotSupportedException("Not this one.");
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(12), state.Sum);
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(12)[8..], state.Padding);
        output.Advance(12);
        output.Write(new byte[state.Padding]);
        output.Write(Encoding.UTF8.GetBytes(state.Name));
    }

    public static Rigged Read(ReadOnlySpan<byte> bytes)
    {
        int padding = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        return new Rigged(Encoding.UTF8.GetString(bytes[(12 + padding)..]), BinaryPrimitives.ReadInt64LittleEndian(bytes)) { Padding = padding };
    }
}

[Aggregate("shopper")]
public partial class Shopper
{
    [Key]
    public partial string Id { get; }

    [Sum]
    public partial long Visits { get; }

    [Opaque]
    public partial Basket Basket { get; }

    [Max]
    public partial long? Highest { get; }

    [Opaque(2)]
    public partial Trail Trail { get; }
}

[Aggregate("marked")]
public partial class MarkedTotal
{
    [Key]
    public partial string Id { get; }

    [Opaque]
    public partial Marked Total { get; }
}

[Aggregate("rigged")]
public partial class RiggedTotal
{
    [Key]
    public partial string Id { get; }

    [Sum]
    public partial long Events { get; }

    [Opaque]
    public partial Rigged Total { get; }
}
