# %% [markdown]
# # A recommender from scratch, in five steps
#
# Each step adds one idea to a model and looks at what that idea is worth. The people and the films are invented, so
# the truth is known, and the last part compares what was learned with it. It runs in a few seconds and downloads
# nothing.
#
# The names are those of fastai. This script accompanies chapter 8 of Howard and Gugger (2020), "Deep Learning for
# Coders with fastai and PyTorch", which teaches the same names. Examples, order and code are our own.

# %%
import penchant as pt
from penchant.collab import *  # noqa: F403 - what a notebook does
from penchant.data.sources.sample import generate

# ruff: noqa: F405

# %% [markdown]
# ## The ratings

# %%
opinions = pt.load_dataset("sample").to_frame()
print(opinions[["user_id", "title", "rating"]].head())
print(opinions.groupby("title")["rating"].count().sort_values(ascending=False).head())

# %%
set_seed(11)
dls = CollabDataLoaders.from_df(
    opinions, user_name="user_id", item_name="title", rating_name="rating", valid_pct=0.25, seed=11, bs=32
)
dls.show_batch(max_n=4)
pairs, stars = dls.one_batch()
print(pairs.shape, stars.shape, list(dls.classes), dls.classes["title"][:3])
N_PEOPLE, N_FILMS = len(dls.classes["user_id"]), len(dls.classes["title"])
ERRORS = {}


# %%
def train(what, model, n_epochs=6, wd=None):
    """Train a model of ours, and take down its error on the ratings that were held out."""
    learn = Learner(dls, model, loss_func=MSELossFlat(), metrics=[rmse])
    with learn.no_logging():
        learn.fit_one_cycle(n_epochs, 0.02, wd=wd)
    ERRORS[what] = float(learn.validate()[1])
    print(f"{what:32} {ERRORS[what]:.3f} stars")
    return learn


# %% [markdown]
# ## Step 1: one number for everybody
# The least that a model can have is one parameter. A plain tensor among the attributes of a module is no parameter:
# it would never be changed. `nn.Parameter` is one, and the weights of a layer are some.


# %%
class Constant(Module):
    """The same prediction for every pair."""

    def __init__(self, start):
        self.level = nn.Parameter(torch.tensor([start]))
        self.scale = torch.ones(1)  # not learned

    def forward(self, pairs):
        """Predict for rows (person, film)."""
        return (self.level * self.scale).expand(len(pairs))


print(L(Constant(3.0).named_parameters()))
print(type(nn.Linear(2, 1).weight), L(nn.Linear(2, 1, bias=False).parameters()))
train("one number", Constant(3.0))


# %% [markdown]
# ## Step 2: a number for each person and each film
# A table of numbers with a row for each person is an embedding. Looking up row 2 is the same as a product with a vector
# that is 1 in place 2 and 0 elsewhere. The look-up is quicker.

# %%
generosity = torch.randn(N_PEOPLE, 1)
print(torch.allclose(generosity.t() @ one_hot(2, N_PEOPLE).float(), generosity[2]))


# %%
class Level(Module):
    """How generous a person is, plus how well a film is liked."""

    def __init__(self, start):
        self.level = nn.Parameter(torch.tensor([start]))
        self.generous, self.liked = Embedding(N_PEOPLE, 1), Embedding(N_FILMS, 1)

    def forward(self, pairs):
        """Predict for rows (person, film)."""
        person, film = pairs.t()
        return self.level + (self.generous(person) + self.liked(film)).squeeze(-1)


train("and one each", Level(3.0))

# %% [markdown]
# ## Step 3: taste
# Say that we know two traits of films, how funny and how dark they are, from -1 to 1, and how much two people care. A
# product of the numbers, summed, is large where both agree.

# %%
cares = np.array([[0.9, -0.4], [-0.2, 0.8]])  # two people: funny, dark
has = np.array([[0.7, -0.9], [-0.5, 0.6], [0.1, 0.1]])  # three films
print((cares @ has.T).round(2))

# %% [markdown]
# Nobody tells the model such traits. It starts with small random numbers and learns them. `Embedding` makes such a
# table. The tables below are made by hand: an embedding is nothing more.


# %%
def table(n_rows, n_columns):
    """Small random numbers that are learned."""
    return nn.Parameter(torch.empty(n_rows, n_columns).normal_(0, 0.05))


class Taste(Level):
    """Level plus a product of traits, in the range of stars if one is given."""

    def __init__(self, start, n_factors, y_range=None):
        super().__init__(start)
        self.cares, self.has = table(N_PEOPLE, n_factors), table(N_FILMS, n_factors)
        self.y_range = y_range

    def forward(self, pairs):
        """Predict for rows (person, film)."""
        match = torch.einsum("nk,nk->n", self.cares[pairs[:, 0]], self.has[pairs[:, 1]])
        total = super().forward(pairs) + match
        return total if self.y_range is None else sigmoid_range(total, *self.y_range)


train("and 8 traits", Taste(3.0, 8))

# %% [markdown]
# ## Step 4: the range of stars, and less freedom
# Stars lie between 1 and 5. A sigmoid keeps predictions there. It never reaches its ends, so these lie a little
# further out. It turns 0 into the middle, so the level starts at 0.
#
# Eight traits for each of 200 people are many for 4,800 ratings. Weight decay pulls all numbers towards 0. More of it
# is not always better: look where the error on held-out ratings is lowest.

# %%
train("in the range of stars", Taste(0.0, 8, (0.5, 5.5)))
decays = [0.01, 0.1, 0.3, 1.0]
for wd in decays:
    train(f"the same, weight decay {wd:g}", Taste(0.0, 8, (0.5, 5.5)), wd=wd)

# %%
_, ax = plt.subplots(figsize=(5, 3))
ax.semilogx(decays, [ERRORS[f"the same, weight decay {wd:g}"] for wd in decays], marker="o", label="taste")
ax.axhline(ERRORS["and one each"], linestyle="--", label="no taste")
ax.set_xlabel("weight decay")
ax.set_ylabel("error in stars, held out")
ax.legend()
plt.show()

# %% [markdown]
# ## Step 5: layers instead of a product
# Both rows can be laid side by side and go through layers, which may find other functions of them than a product. A
# rule of thumb says how wide the tables should be.

# %%
sizes = get_emb_sz(dls)
print(sizes)


# %%
class Layers(Module):
    """Both rows through a hidden layer."""

    def __init__(self, people, films, n_hidden=40, y_range=(0.5, 5.5)):
        self.cares, self.has = Embedding(*people), Embedding(*films)
        self.mix = nn.Sequential(nn.Linear(people[1] + films[1], n_hidden), nn.ReLU(), nn.Linear(n_hidden, 1))
        self.y_range = y_range

    def forward(self, pairs):
        """Predict for rows (person, film)."""
        both = torch.cat((self.cares(pairs[:, 0]), self.has(pairs[:, 1])), dim=1)
        return sigmoid_range(self.mix(both), *self.y_range)


train("layers", Layers(*sizes), wd=0.1)

# %% [markdown]
# ## The same models in a line each
# `collab_learner` makes the model of step 4, and with `use_nn=True` that of step 5. The first runs as one piece of
# compiled code.

# %%
learn = collab_learner(dls, n_factors=8, y_range=(0.5, 5.5), metrics=rmse)
learn.fit_one_cycle(6, 0.02, wd=0.3)
print(learn.model)

# %%
neural = collab_learner(dls, use_nn=True, layers=[40, 20], y_range=(0.5, 5.5), metrics=rmse)
neural.fit_one_cycle(6, 0.02, wd=0.1)
print(neural.model)

# %% [markdown]
# ## Is it true?
# These films were invented with a bias each. Do the learned biases put the films into the same order? 1 would be the
# same order, 0 no relation.

# %%
truth = generate()
titles = dls.classes["title"]
invented = dict(zip(truth.item_attributes["title"], truth.item_biases, strict=True))
learned = learn.model.i_bias.weight.squeeze().detach().cpu()
compared = pd.DataFrame({"learned": learned[1:].numpy(), "true": [invented[title] for title in titles[1:]]})
agreement = compared.corr(method="spearman")["learned"]["true"]
print(f"rank correlation of learned and true biases: {agreement:.2f}")
print("liked:", [titles[row] for row in learned.argsort(descending=True)[:3]])
print("not liked:", [titles[row] for row in learned.argsort()[:3]])

# %% [markdown]
# The learned traits have no names, and any rotation of them predicts the same. Two questions have an answer all the
# same: which films are alike, and along which line do films differ most?

# %%
traits = learn.model.i_weight.weight.detach()
first = titles.o2i[opinions["title"].iloc[0]]
alike = nn.CosineSimilarity(dim=1)(traits, traits[first][None])
nearest = alike.argsort(descending=True)[1]
print(f"{titles[first]} is most like {titles[nearest]}")

# %%
often = opinions.groupby("title")["rating"].count().sort_values(ascending=False).index.values[:20]
rows = tensor([titles.o2i[title] for title in often])
spots = traits[rows].cpu().pca(2)
plt.figure(figsize=(7, 5))
plt.scatter(spots[:, 0], spots[:, 1])
for title, (x, y) in zip(often, spots.tolist(), strict=True):
    plt.text(x, y, title, fontsize=7)
plt.show()
print(spots.shape)
