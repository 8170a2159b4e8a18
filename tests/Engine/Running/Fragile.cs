using Sluice.Aggregates;

namespace Sluice.Tests.Running;

/// <summary>An aggregate with code of the application's in it: a key codec and a snapshot that a test makes fail.</summary>
[Aggregate("fragile")]
public partial class Fragile
{
    [Key]
    public partial string Id { get; }

    [Sum]
    public partial long Hits { get; }

    internal static AggregateDefinition<string, Fragile, Fragile.Event> With(FragileKeys? keys = null, Action<string>? onRead = null) =>
        AggregateDefinition.Create<string, Fragile, Fragile.Event, Fragile.State>(
            Definition.Schema,
            keys ?? KeyCodec.String,
            (key, state) =>
            {
                onRead?.Invoke(key);
                return new Fragile(key, in state);
            });
}

/// <summary>Keys as text, with a test's code before each encoding and decoding.</summary>
internal sealed class FragileKeys : KeyCodec<string>
{
    public Action<string>? OnEncode { get; set; }

    public Action<string>? OnDecode { get; set; }

    public override int Encode(string key, Span<byte> destination)
    {
        OnEncode?.Invoke(key);
        return KeyCodec.String.Encode(key, destination);
    }

    public override string Decode(ReadOnlySpan<byte> bytes)
    {
        string key = KeyCodec.String.Decode(bytes);
        OnDecode?.Invoke(key);
        return key;
    }
}
