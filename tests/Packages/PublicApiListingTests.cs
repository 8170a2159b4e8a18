using Sluice.Packages.Tests.Listing;
using Xunit;

namespace Sluice.Packages.Tests;

public sealed class PublicApiListingTests
{
    // What the listing does not show can change without anybody noticing: nullability, ref kinds, defaults, init and required above all.
    [Fact]
    public void A_declaration_is_listed_with_everything_that_callers_compile_against()
    {
        Assert.Equal(
            [
                "protected Sample(int protectedToo)",
                "protected virtual void Overridable()",
                "public abstract string? Name { get; protected set; }",
                "public const string Constant = \"text\"",
                "public event EventHandler<EventArgs>? Changed",
                "public int this[string? key] { get; }",
                "public override string ToString()",
                "public ref readonly int Peek(in long position, out string? found, scoped ReadOnlySpan<char> text, params int[] rest)",
                "public required List<string?> Items { get; init; }",
                "public static T? Find<T>(T? fallback = null, bool deep = true) where T : class, new()",
                "public static bool op_Equality(PublicApiListingTests.Sample<TKey> left, PublicApiListingTests.Sample<TKey> right)",
                "public static bool op_Inequality(PublicApiListingTests.Sample<TKey> left, PublicApiListingTests.Sample<TKey> right)",
                "public void Take(Dictionary<TKey, string?>? map, int? count, DayOfWeek day = DayOfWeek.Tuesday)",
            ],
            MemberSignatures.Of(typeof(Sample<>)));
    }

    [Fact]
    public void Type_parameters_are_listed_with_their_constraints()
    {
        Assert.Equal(" where TKey : notnull, IComparable<TKey>", TypeNames.Constraints(typeof(Sample<>).GetGenericArguments()));
        Assert.Equal("PublicApiListingTests.Sample<TKey>", TypeNames.Declaration(typeof(Sample<>)));
    }

    // Names come and go with renumbered values, which nobody sees in alphabetical order.
    [Fact]
    public void Enum_members_are_listed_by_value() => Assert.Equal(["Zero = 0", "One = 1", "Ten = 10"], MemberSignatures.Of(typeof(Numbers)));

    public enum Numbers
    {
        Ten = 10,
        One = 1,
        Zero = 0,
    }

#pragma warning disable CA1067, CS0660, CS0661, CA1070, CA1044, CA2217, CA1030, CA1024 // shapes to be listed, not to be used
    public abstract class Sample<TKey>
        where TKey : notnull, IComparable<TKey>
    {
        public const string Constant = "text";
        private readonly int[] _numbers = [1];

        protected Sample(int protectedToo) => _numbers[0] = protectedToo;

        private protected Sample(string hidden) => _numbers[0] = hidden.Length;

        public event EventHandler<EventArgs>? Changed;

        public abstract string? Name { get; protected set; }

        public required List<string?> Items { get; init; }

        public int this[string? key] => key is null ? _numbers[0] : key.Length;

        public static T? Find<T>(T? fallback = null, bool deep = true)
            where T : class, new() => deep ? fallback : new T();

        public static bool operator ==(Sample<TKey> left, Sample<TKey> right) => ReferenceEquals(left, right);

        public static bool operator !=(Sample<TKey> left, Sample<TKey> right) => !ReferenceEquals(left, right);

        public ref readonly int Peek(in long position, out string? found, scoped ReadOnlySpan<char> text, params int[] rest)
        {
            found = text.Length + position > rest.Length ? null : "found";
            return ref _numbers[0];
        }

        public void Take(Dictionary<TKey, string?>? map, int? count, DayOfWeek day = DayOfWeek.Tuesday)
        {
            if (map is not null && count > 0 && day != DayOfWeek.Friday)
                Changed?.Invoke(this, EventArgs.Empty);
        }

        public override string ToString() => "sample";

        internal void Hidden() => Overridable();

        protected virtual void Overridable()
        {
        }
    }
}
